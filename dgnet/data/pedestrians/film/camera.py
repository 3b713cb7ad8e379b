"""A pinhole camera above a flat ground: where a point of the world is in its picture.

World axes in meters: x to the right, y up from the ground, z away from the camera, which stands above x = z = 0.
"""

import math
from dataclasses import dataclass

from dgnet.data.pedestrians.cameras import Light, camera_of
from dgnet.data.pedestrians.canvas import Plane
from dgnet.data.pedestrians.random_choices import FILM_CAMERA, Draws


@dataclass(frozen=True)
class FilmCamera:
    """A camera at rest.

    Attributes:
        number: 1, 2, ...
        seed: of the set of cameras.
        stands: its height above the ground, meters.
        pitch: how far it looks down, radians.
        focal: focal length, pixels.
        rows, columns: of the picture.
        near, far: distances between which people walk, meters.
        light: of its scene.
    """

    number: int
    seed: int
    stands: float
    pitch: float
    focal: float
    rows: int
    columns: int
    near: float
    far: float
    light: Light

    def project(self, x: float, y: float, z: float) -> tuple[float, float]:
        """Column and row of a point in the picture; the middle of the first pixel is at 0.5, 0.5."""
        up = y - self.stands
        depth = self.depth(y, z)
        rise = up * math.cos(self.pitch) + z * math.sin(self.pitch)
        return 0.5 * self.columns + self.focal * x / depth, 0.5 * self.rows - self.focal * rise / depth

    def depth(self, y: float, z: float) -> float:
        """Distance of a point along the camera's axis, meters."""
        return z * math.cos(self.pitch) - (y - self.stands) * math.sin(self.pitch)

    def rays(self, column: Plane, row: Plane) -> tuple[Plane, Plane, Plane]:
        """World directions (x, y, z) of pixels; a point of the ray is this many times a distance from the camera."""
        right, up = (column - 0.5 * self.columns) / self.focal, (0.5 * self.rows - row) / self.focal
        sine, cosine = math.sin(self.pitch), math.cos(self.pitch)
        return right, up * cosine - sine, up * sine + cosine

    def edge(self, z: float) -> float:
        """How far from the middle, in meters, the picture ends at the height of a chest."""
        return 0.5 * self.columns * self.depth(1.2, z) / self.focal

    def shadow(self) -> tuple[float, float]:
        """Where the shadow of a point one meter high lies: x and z from below it, meters."""
        length = min(1.2, 1.0 / math.tan(max(0.5, self.light.elevation)))
        return -length * math.sin(self.light.azimuth), length * math.cos(self.light.azimuth)


def film_camera(camera_seed: int, number: int, cameras: int, rows: int, columns: int) -> FilmCamera:
    """Camera `number` (1 .. cameras) of the set that `camera_seed` draws, for pictures of this size."""
    draws = Draws(camera_seed, FILM_CAMERA, number)
    stands, pitch = draws.uniform(3.2, 3.9), draws.uniform(0.22, 0.27)
    focal = 0.5 * max(columns, 1.4 * rows) / math.tan(0.5 * draws.uniform(1.02, 1.16))
    # Where the ground enters the picture, and a step behind it.
    near = stands / math.tan(pitch + math.atan(0.5 * rows / focal)) + 0.5
    light = camera_of(camera_seed, number, max(cameras, number)).light
    return FilmCamera(number, camera_seed, stands, pitch, focal, rows, columns, near, near + 8.5, light)
