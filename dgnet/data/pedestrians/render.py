"""Appearance x structure -> image, with the outline of the person."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dgnet.data.pedestrians.appearance import Appearance
from dgnet.data.pedestrians.background import draw_background, draw_ground_shadow
from dgnet.data.pedestrians.cameras import Light
from dgnet.data.pedestrians.canvas import Canvas, Plane
from dgnet.data.pedestrians.noise import noise
from dgnet.data.pedestrians.person import draw_person
from dgnet.data.pedestrians.random_choices import TEXTURE, Draws
from dgnet.data.pedestrians.shading import Shader
from dgnet.data.pedestrians.skeleton import View, skeleton_of
from dgnet.data.pedestrians.structure import Structure

_OVERSAMPLING = 2  # in each direction, on top of the primitives' own soft edges


@dataclass(frozen=True)
class Rendered:
    """`image`: uint8 [height, width, 3], RGB; `person`: float32 [height, width], 0..1, how much is person."""

    image: NDArray[np.uint8]
    person: NDArray[np.float32]


def render(appearance: Appearance, structure: Structure, height: int = 128, width: int = 64) -> Rendered:
    """The picture of a person in these clothes and this structure; the same arguments give the same bytes everywhere.

    The true swap of two images is `render(appearance of the one, structure of the other)`.
    """
    rows, columns = height * _OVERSAMPLING, width * _OVERSAMPLING
    skeleton, view = skeleton_of(structure), View(structure.yaw, structure.pitch)
    head_top = view((skeleton.head[0], skeleton.head[1] + 0.074, skeleton.head[2]))[1]
    feet = min(view((x, skeleton.ground, z))[1] for x, _, z in (leg[2] for leg in skeleton.legs)) - 0.01
    frame = structure.frame
    pixels_per_height = rows * (frame.bottom - frame.top) / (head_top - feet)
    row = np.arange(rows, dtype=np.float32) + np.float32(0.5)
    column = np.arange(columns, dtype=np.float32) + np.float32(0.5)
    y = head_top - (row - frame.top * rows) / np.float32(pixels_per_height)
    across = 0.5 * columns + frame.shift * rows
    lean = 0.25 * (structure.pose.lean * math.sin(view.yaw) + structure.pose.sway * math.cos(view.yaw))
    x = (column - np.float32(across)) / np.float32(pixels_per_height * frame.stretch) + np.float32(lean)

    draws = Draws(structure.texture_seed[0], TEXTURE, *structure.texture_seed[1:])
    background = draw_background(structure.scene, structure.light, draws, height, width)
    canvas = Canvas(background, x.astype(np.float32), y.astype(np.float32))
    draw_ground_shadow(canvas, skeleton, view, structure.light)
    # Creases run down the body rather than across it.
    folds = noise(draws, 14, 9, rows, columns)
    draw_person(Shader(canvas, structure.light, folds), appearance, structure, skeleton, view)
    image = exposed(canvas.image, structure.light)
    return Rendered(_to_bytes(halved(image)), halved(canvas.person))


def exposed(image: Plane, light: Light) -> Plane:
    """Cast shadow, tint, gain and contrast of the light on the whole image [3, rows, columns]; changes `image`."""
    rows, columns = image.shape[1:]
    if light.shadow:
        down = np.arange(rows, dtype=np.float32)[:, None] * np.float32(1 / rows)
        right = np.arange(columns, dtype=np.float32)[None] * np.float32(1 / rows)
        inside = (down - light.shadow_edge + light.shadow_slope * (right - 0.25)) * np.float32(9.0)
        image = image * (1.0 - light.shadow * np.clip(inside + 0.5, 0.0, 1.0))
    for plane, tint in zip(image, light.tint, strict=True):
        plane *= light.gain * tint * light.contrast
        plane += 0.5 * (1.0 - light.contrast)
    # Highlights roll off as on film: 0.8 stays, 1.4 becomes 1.
    over = np.clip(image - 0.8, 0.0, 0.6)
    return np.clip(np.minimum(image, 0.8) + over * (2 / 3 - over * (5 / 9)), 0.0, 1.0)


def halved(planes: Plane) -> Plane:
    """The mean of each block of 2 x 2, over the last two dimensions."""
    left, right = planes[..., ::2], planes[..., 1::2]
    wide = left + right
    return ((wide[..., ::2, :] + wide[..., 1::2, :]) * np.float32(0.25)).astype(np.float32)


def _to_bytes(image: Plane) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.floor(image * np.float32(255) + np.float32(0.5)).astype(np.uint8).transpose(1, 2, 0))
