"""The shadow that a person or an object casts on the ground."""

import numpy as np
from PIL import Image, ImageFilter

from dgnet.data.pedestrians.canvas import Plane
from dgnet.data.pedestrians.film.camera import FilmCamera
from dgnet.data.pedestrians.film.sprite import Sprite

_DEPTH = 0.42
_FLATTEST = 0.10  # rows of a shadow for each row of who casts it, at least: a thinner one would flicker
_ROOM = 3


def cast_shadow(image: Plane, sprite: Sprite, camera: FilmCamera) -> None:
    """Darken the ground [3, rows, columns] where the outline, laid on the ground away from the light, covers it."""
    foot_column, foot_row = sprite.foot
    across, away = camera.shadow()
    x = (foot_column - 0.5 * camera.columns) / sprite.meter
    head_column, head_row = camera.project(x + across * sprite.tall, 0.0, sprite.z + away * sprite.tall)
    tall = sprite.meter * sprite.tall
    right, down = (head_column - foot_column) / tall, (head_row - foot_row) / tall
    if abs(down) < _FLATTEST:
        down = _FLATTEST if down > 0 else -_FLATTEST
    rows, columns = sprite.cover.shape
    ends = [sprite.top - foot_row, sprite.top + rows - foot_row]
    corners_down = [-end * down for end in ends]
    corners_right = [left + -end * right for end in ends for left in (sprite.left, sprite.left + columns)]
    top, bottom = _limits(min(corners_down) + foot_row, max(corners_down) + foot_row, camera.rows)
    left, right_end = _limits(min(corners_right), max(corners_right), camera.columns)
    if top >= bottom or left >= right_end:
        return
    # From a pixel of the picture to the pixel of the outline whose shadow falls there.
    up = -1.0 / down
    row_shift = up * (top - foot_row) + foot_row - sprite.top
    column_shift = left - sprite.left + (top - foot_row) * right * up
    affine = (1.0, right * up, column_shift, 0.0, up, row_shift)
    outline = Image.fromarray((sprite.cover * 255).astype(np.uint8))
    cast = outline.transform(
        (right_end - left, bottom - top), Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR
    )
    cast = cast.filter(ImageFilter.GaussianBlur(max(0.5, 0.02 * sprite.meter)))
    image[:, top:bottom, left:right_end] *= 1.0 - np.asarray(cast, np.float32) * np.float32(_DEPTH / 255)


def _limits(low: float, high: float, size: int) -> tuple[int, int]:
    return max(0, int(low) - _ROOM), min(size, int(high) + _ROOM)
