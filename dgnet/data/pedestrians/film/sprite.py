"""A person, or an object of the scene, as a camera sees it: colors and outline on a small part of the picture."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from dgnet.data.pedestrians.appearance import Appearance, appearance_of
from dgnet.data.pedestrians.cameras import Light
from dgnet.data.pedestrians.canvas import Canvas, Plane
from dgnet.data.pedestrians.film.camera import FilmCamera
from dgnet.data.pedestrians.film.walks import Step
from dgnet.data.pedestrians.noise import noise
from dgnet.data.pedestrians.person import draw_person
from dgnet.data.pedestrians.random_choices import FILM_WALK, TEXTURE, Draws
from dgnet.data.pedestrians.render import exposed, halved
from dgnet.data.pedestrians.shading import Shader
from dgnet.data.pedestrians.skeleton import SHIN, THIGH, View, skeleton_of
from dgnet.data.pedestrians.structure import Structure, structure_of

_OVERSAMPLING = 2
_ABOVE, _BELOW, _ASIDE = 1.10, -0.16, 0.46  # what a person takes, body heights from the middle of the feet
_STANDS = 0.15  # share of the usual speed below which legs are still


@dataclass(frozen=True)
class Sprite:
    """A part of a camera's picture.

    Attributes:
        top, left: its first pixel in the picture; may lie outside.
        color: float32 `[3, rows, columns]`, 0..1, multiplied by `cover`.
        cover: float32 `[rows, columns]`, 0..1.
        z: distance from the camera along the ground, meters: what is nearer hides the rest.
        foot: column and row where it stands.
        meter: pixels of a meter there.
        tall: meters.
    """

    top: int
    left: int
    color: Plane
    cover: Plane
    z: float
    foot: tuple[float, float]
    meter: float
    tall: float


def draw_sprite(
    camera: FilmCamera,
    place: tuple[float, float],
    tall: float,
    unit: float,
    box: tuple[float, float, float],
    draw: Callable[[Canvas], None],
    ground: float = 0.0,
) -> Sprite:
    """What `draw` paints on a canvas whose unit is `unit` meters and whose origin stands at `place` (x, z; meters).

    `box`: how far the canvas reaches up, down and to the sides, in units; `ground`: height on it that touches the
    ground.
    """
    column, row = camera.project(place[0], 0.0, place[1])
    meter = camera.focal / camera.depth(0.5 * tall, place[1])
    pixels = meter * unit
    above, below, aside = box
    top, bottom = math.floor(row - above * pixels), math.ceil(row - below * pixels)
    left, right = math.floor(column - aside * pixels), math.ceil(column + aside * pixels)
    shape = (bottom - top) * _OVERSAMPLING, (right - left) * _OVERSAMPLING
    rows, columns = ((np.arange(size, dtype=np.float32) + np.float32(0.5)) / _OVERSAMPLING for size in shape)
    x, y = (columns + np.float32(left - column)) / pixels, ground - (rows + np.float32(top - row)) / pixels
    canvas = Canvas(np.zeros((3, *shape), np.float32), x.astype(np.float32), y.astype(np.float32))
    draw(canvas)
    cover = halved(canvas.person)
    color = halved(canvas.image) / np.maximum(cover, np.float32(1e-3))
    return Sprite(top, left, exposed(color, _even(camera.light)) * cover, cover, place[1], (column, row), meter, tall)


def _even(light: Light) -> Light:
    """The light without the shadow of a roof, which would move with the sprite."""
    return replace(light, shadow=0.0)


class Walker:
    """A person of a film: clothes, body and bag that stay, whatever the camera.

    `seed` and `person` (1, 2, ...) draw them: clothes as `appearance_of`, body and bag as the person's first image by
    camera 1 of a data set.
    """

    def __init__(self, seed: int, person: int) -> None:
        self._key = seed, person
        self.appearance: Appearance = appearance_of(seed, person)
        base = structure_of(seed, person, 1, 0)
        draws = Draws(seed, FILM_WALK, person, 1)
        self.tall = draws.bell(1.72, 0.18)
        pose = replace(
            base.pose,
            stride=draws.uniform(0.36, 0.46),
            arm_swing=draws.uniform(0.3, 0.5),
            lean=draws.bell(0.04, 0.03),
            sway=0.0,
            head_turn=draws.bell(0.0, 0.25),
        )
        self._base, self._phase = replace(base, pose=pose), draws.unit()

    def structure(self, camera: FilmCamera, step: Step) -> Structure:
        """The pose on the way, and how the camera looks at it."""
        distance = math.hypot(step.x, step.z)
        sight = step.x / distance, step.z / distance
        along = step.toward_x * sight[0] + step.toward_z * sight[1]
        right = step.toward_x * sight[1] - step.toward_z * sight[0]
        pose = self._base.pose
        # Two steps are one period: feet stay where they touch the ground.
        period = 4 * math.sin(pose.stride) * (THIGH + SHIN) * self.tall
        stands = step.speed < _STANDS
        pose = replace(
            pose,
            phase=(self._phase + step.walked / period) % 1.0,
            stride=0.05 if stands else pose.stride,
            arm_swing=0.04 if stands else pose.arm_swing,
        )
        return replace(
            self._base,
            pose=pose,
            yaw=math.atan2(right, -along) % (2 * math.pi),
            pitch=math.atan2(camera.stands - 0.5 * self.tall, distance),
            light=camera.light,
        )

    def seen(self, camera: FilmCamera, step: Step) -> Sprite:
        """The person at this moment."""
        structure = self.structure(camera, step)
        skeleton, view = skeleton_of(structure), View(structure.yaw, structure.pitch)

        def draw(canvas: Canvas) -> None:
            folds = noise(Draws(self._key[0], TEXTURE, self._key[1], 0, 0), 14, 9, canvas.y.size, canvas.x.size)
            draw_person(Shader(canvas, camera.light, folds), self.appearance, structure, skeleton, view)

        ground = view((0.0, skeleton.ground, 0.0))[1]
        return draw_sprite(camera, (step.x, step.z), self.tall, self.tall, (_ABOVE, _BELOW, _ASIDE), draw, ground)
