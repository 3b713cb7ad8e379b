"""The pictures of a camera, one after the other, with the true boxes of the people in them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64, UInt8

from dgnet.data.pedestrians.canvas import Plane
from dgnet.data.pedestrians.film.camera import FilmCamera, film_camera
from dgnet.data.pedestrians.film.ground import draw_ground
from dgnet.data.pedestrians.film.objects import object_sprites, scene_objects
from dgnet.data.pedestrians.film.shadows import cast_shadow
from dgnet.data.pedestrians.film.spec import FilmSpec
from dgnet.data.pedestrians.film.sprite import Sprite, Walker
from dgnet.data.pedestrians.film.walks import Walks, draw_walks

_OUTLINE = 0.5  # of a pixel that is person is inside the box


@dataclass(frozen=True)
class FilmFrame:
    """A picture and the truth about it.

    Attributes:
        picture: RGB.
        people: whose box each is, 1, 2, ...
        places: left, top, width, height of each whole person, also of what is hidden or outside of the picture.
        visible: which share of the person's pixels can be seen, 0 to 1.
    """

    picture: UInt8[np.ndarray, "height width 3"]
    people: Int64[np.ndarray, " box"]
    places: Float64[np.ndarray, "box 4"]
    visible: Float64[np.ndarray, " box"]


class FilmScenes:
    """The scenes of a set of films, and who walks in them."""

    def __init__(self, spec: FilmSpec) -> None:
        spec.check()
        self.spec = spec
        self._cameras = {
            number: film_camera(spec.camera_seed, number, spec.cameras, spec.height, spec.width)
            for number in range(1, spec.cameras + 1)
        }
        obstacles = {
            number: [(thing.x, thing.z, thing.radius) for thing in scene_objects(camera)]
            for number, camera in self._cameras.items()
        }
        self.walks: Walks = draw_walks(spec.seed, spec.people, spec.seconds, self._cameras, obstacles)

    def frames(self, camera: int) -> Iterator[FilmFrame]:
        """The pictures of a camera (1 .. cameras); the same every time."""
        site = self._cameras[camera]
        objects = object_sprites(site, scene_objects(site))
        ground = draw_ground(site)
        for thing in objects:
            cast_shadow(ground, thing, site)
        walkers = {person: Walker(self.spec.seed, person) for person in range(1, self.spec.people + 1)}
        for number in range(self.spec.frames):
            seen = [
                (walk.person, walkers[walk.person].seen(site, step))
                for walk, step in self.walks.at(camera, number / self.spec.frame_rate)
            ]
            yield _composed(ground, seen, objects, site)


def _composed(
    ground: Plane, people: Sequence[tuple[int, Sprite]], objects: Sequence[Sprite], camera: FilmCamera
) -> FilmFrame:
    """Shadows first, then everything from the farthest to the nearest."""
    image = ground.copy()
    for _, sprite in people:
        cast_shadow(image, sprite, camera)
    layers: list[tuple[int | None, Sprite]] = [*people, *((None, thing) for thing in objects)]
    layers.sort(key=lambda layer: -layer[1].z)
    for _, sprite in layers:
        rows, columns, part = _inside(sprite, camera)
        image[:, rows, columns] *= 1.0 - sprite.cover[part]
        image[:, rows, columns] += sprite.color[:, part[0], part[1]]
    shares = [_visible(layers, place, camera) for place in range(len(layers))]
    found = [(person, _box(sprite), share) for (person, sprite), share in zip(layers, shares, strict=True) if person]
    found = sorted((one for one in found if one[2] > 0), key=lambda one: one[0])
    picture = np.floor(np.clip(image, 0.0, 1.0) * np.float32(255) + np.float32(0.5)).astype(np.uint8)
    return FilmFrame(
        np.ascontiguousarray(picture.transpose(1, 2, 0)),
        np.array([person for person, _, _ in found], np.int64),
        np.array([box for _, box, _ in found], np.float64).reshape(-1, 4),
        np.array([share for _, _, share in found], np.float64),
    )


def _inside(sprite: Sprite, camera: FilmCamera) -> tuple[slice, slice, tuple[slice, slice]]:
    """Rows and columns of the picture that a sprite covers, and the same part of the sprite."""
    rows, columns = sprite.cover.shape
    top, bottom = (min(camera.rows, max(0, edge)) for edge in (sprite.top, sprite.top + rows))
    left, right = (min(camera.columns, max(0, edge)) for edge in (sprite.left, sprite.left + columns))
    part = slice(top - sprite.top, bottom - sprite.top), slice(left - sprite.left, right - sprite.left)
    return slice(top, bottom), slice(left, right), part


def _box(sprite: Sprite) -> tuple[float, float, float, float]:
    """Left, top, width and height of the outline."""
    inside = sprite.cover >= _OUTLINE
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    left, top = sprite.left + int(columns[0]), sprite.top + int(rows[0])
    return float(left), float(top), float(columns[-1] - columns[0] + 1), float(rows[-1] - rows[0] + 1)


def _visible(layers: Sequence[tuple[int | None, Sprite]], place: int, camera: FilmCamera) -> float:
    """The share of a layer's pixels that lie inside the picture and under nothing nearer."""
    own = layers[place][1]
    seen = np.zeros((camera.rows, camera.columns), np.float32)
    for number, (_, sprite) in enumerate(layers[place:]):
        rows, columns, part = _inside(sprite, camera)
        if number:
            seen[rows, columns] *= 1.0 - sprite.cover[part]
        else:
            seen[rows, columns] = sprite.cover[part]
    return float(seen.sum() / own.cover.sum())
