"""Backgrounds: streets, walls, shop fronts, parks, plazas and halls, out of focus, with objects in them.

They are drawn at the image's own resolution and enlarged to the canvas, which blurs them as a lens would. Backgrounds
may be colorful: they lie outside the person's outline.
"""

import math
from collections.abc import Callable

import numpy as np

from dgnet.data.pedestrians.appearance import Color
from dgnet.data.pedestrians.cameras import Light, Scene, SceneKind
from dgnet.data.pedestrians.canvas import Canvas, Plane
from dgnet.data.pedestrians.noise import enlarged, noise
from dgnet.data.pedestrians.random_choices import Draws
from dgnet.data.pedestrians.skeleton import Skeleton, View


class Backdrop:
    """A background that is being drawn: `image` [3, height, width]; `right`, `down`: pixel centers in image heights."""

    def __init__(self, scene: Scene, height: int, width: int) -> None:
        self.scene = scene
        self.image = np.zeros((3, height, width), np.float32)
        self.right = (np.arange(width, dtype=np.float32) + np.float32(0.5))[None] * np.float32(1 / height)
        self.down = (np.arange(height, dtype=np.float32) + np.float32(0.5))[:, None] * np.float32(1 / height)
        self.pixel = 1.0 / height
        self.aspect = width / height

    def lay(self, color: Color, amount: Plane | float, shade: Plane | float = 1.0) -> None:
        """Cover by `amount` (0..1) with a color of some brightness."""
        for plane, channel in zip(self.image, color, strict=True):
            plane += amount * (channel * shade - plane)

    def box(self, left: float, right: float, top: float, bottom: float, soft: float = 1.5) -> Plane:
        """Coverage of a box with edges `soft` pixels wide."""
        across = np.minimum(self.right - left, right - self.right)
        height = np.minimum(self.down - top, bottom - self.down)
        scale = 1.0 / (soft * self.pixel)
        return np.clip(across * scale + 0.5, 0.0, 1.0) * np.clip(height * scale + 0.5, 0.0, 1.0)

    def blob(self, across: float, down: float, wide: float, high: float) -> Plane:
        """Coverage of a soft ellipse."""
        x, y = (self.right - across) * (1 / wide), (self.down - down) * (1 / high)
        return np.clip((1.0 - x * x - y * y) * 2.0, 0.0, 1.0)

    def below(self, line: float, slope: float = 0.0) -> Plane:
        """Coverage of everything below a line that falls by `slope` to the right."""
        distance = self.down - line - slope * (self.right - 0.5 * self.aspect)
        return np.clip(distance * (1 / (2 * self.pixel)) + 0.5, 0.0, 1.0)

    def bars(self, position: Plane, width: float, soft: float) -> Plane:
        """Lines of period 1 in `position`, each `width` periods wide."""
        offset = np.abs(position - np.floor(position) - 0.5)
        return np.clip((offset - 0.5 + 0.5 * width) * (1 / soft) + 0.5, 0.0, 1.0)

    def floor(self, color: Color, line: float, grain: Plane) -> Plane:
        """A floor from `line` down, lighter towards the viewer; returns its coverage."""
        part = self.below(line)
        near = np.clip((self.down - line) / (1.02 - line), 0.0, 1.0)
        self.lay(color, part, 0.75 + 0.22 * near + 0.10 * grain)
        return part

    def tiles(self, part: Plane, line: float, color: Color, size: float, offset: float, lines: float = 0.10) -> None:
        """Joints of floor tiles in perspective over the floor's coverage."""
        away = 0.20 / np.maximum(self.down - line + 0.05, 0.03)  # distance to the viewer
        rows = self.bars(away * (1 / size) + offset, lines, 0.16)
        columns = self.bars((self.right - 0.5 * self.aspect) * away * (3 / size) + 5 * offset, lines, 0.16)
        self.lay(color, 0.55 * part * np.maximum(rows, columns))


def hue_color(hue: float, strength: float, level: float) -> Color:
    """A color of the wheel (hue in turns) mixed with gray, around a level of brightness."""

    def channel(shift: float) -> float:
        return level * (1.0 + strength * math.cos(2 * math.pi * (hue - shift)))

    return channel(0.0), channel(1 / 3), channel(2 / 3)


def _street(drop: Backdrop, draws: Draws, grain: Plane) -> None:
    scene, far = drop.scene, drop.scene.horizon
    facade = hue_color(scene.hue, 0.16, 0.58)
    drop.lay(facade, 1.0, 0.95 + 0.15 * (grain - 0.5))
    shift = 0.3 * scene.offset
    windows = drop.bars(drop.right * 7.0 + 3 * shift, 0.5, 0.2) * drop.bars(drop.down * 9.0 + shift, 0.45, 0.2)
    drop.lay((0.25, 0.30, 0.38), 0.75 * windows)
    road = drop.floor((0.42, 0.43, 0.45), far, grain)
    slope = 0.5 * (scene.hue - 0.5)
    curb = far + 0.16 + 0.25 * scene.offset
    walk = drop.below(curb, slope)
    drop.lay((0.62, 0.60, 0.57), walk, 0.92 + 0.12 * grain)
    drop.lay((0.80, 0.79, 0.76), walk * (1.0 - drop.below(curb + 0.018, slope)))
    mark = curb - 0.10
    drop.lay((0.85, 0.84, 0.78), 0.8 * drop.below(mark, slope) * (1.0 - drop.below(mark + 0.012, slope)) * road)


def _wall(drop: Backdrop, draws: Draws, grain: Plane) -> None:
    scene, line = drop.scene, drop.scene.horizon
    drop.lay(hue_color(scene.hue, 0.20, 0.56), 1.0, 0.88 + 0.20 * grain)
    course = np.floor(drop.down * 26.0)
    shifted = drop.right * 12.0 + 0.5 * (course - 2.0 * np.floor(course * 0.5)) + 4 * scene.offset
    joints = np.maximum(drop.bars(drop.down * 26.0 + 0.5, 0.22, 0.3), drop.bars(shifted, 0.12, 0.2))
    drop.lay((0.72, 0.69, 0.65), 0.40 * joints)
    if scene.offset < 0.4:  # a door or a poster
        left = 0.5 * scene.offset
        drop.lay(hue_color(scene.hue + 0.4, 0.35, 0.45), drop.box(left, left + 0.20, 0.12, line))
    drop.lay((0.30, 0.30, 0.31), drop.below(line - 0.03))
    part = drop.floor((0.60, 0.59, 0.58), line, grain)
    drop.tiles(part, line - 0.25, (0.42, 0.41, 0.40), 0.16, scene.offset)


def _shop(drop: Backdrop, draws: Draws, grain: Plane) -> None:
    scene, line = drop.scene, drop.scene.horizon
    drop.lay(hue_color(scene.hue, 0.18, 0.42), 1.0)
    for number in range(2):
        left = -0.25 + 0.33 * number + 0.3 * scene.offset
        pane = drop.box(left, left + 0.29, 0.17, line - 0.07)
        drop.lay((0.86, 0.82, 0.70), pane, 0.80 + 0.3 * grain)
        for _ in range(4):
            goods = hue_color(draws.unit(), 0.6, draws.uniform(0.35, 0.6))
            across, down = left + draws.uniform(0.02, 0.27), line - 0.10 - draws.uniform(0.0, 0.28)
            wide, high = draws.uniform(0.02, 0.05), draws.uniform(0.03, 0.09)
            drop.lay(goods, 0.85 * pane * drop.blob(across, down, wide, high))
    awning = drop.box(-1.0, 2.0, 0.05, 0.15)
    drop.lay(hue_color(scene.hue + 0.45, 0.5, 0.48), awning)
    drop.lay((0.90, 0.89, 0.86), awning * drop.bars(drop.right * 9.0 + 3 * scene.offset, 0.5, 0.2))
    part = drop.floor((0.57, 0.55, 0.53), line, grain)
    drop.tiles(part, line - 0.2, (0.40, 0.39, 0.38), 0.2, scene.offset)


def _park(drop: Backdrop, draws: Draws, grain: Plane) -> None:
    scene, far = drop.scene, drop.scene.horizon
    drop.lay((0.72, 0.82, 0.90), 1.0)
    for _ in range(7):
        green = hue_color(0.30 + draws.uniform(-0.05, 0.05), 0.45, draws.uniform(0.20, 0.36))
        across, down = draws.uniform(-0.1, 0.6), far - draws.uniform(0.0, 0.26)
        drop.lay(green, drop.blob(across, down, draws.uniform(0.08, 0.2), draws.uniform(0.07, 0.16)), 0.8 + 0.4 * grain)
    fine = noise(draws, 40, 20, *drop.image.shape[1:])
    drop.lay((0.40, 0.52, 0.24), drop.below(far), 0.72 + 0.22 * grain + 0.25 * fine)
    line = far + 0.20 + 0.35 * scene.offset
    slope = 0.8 * (scene.hue - 0.5)
    drop.lay((0.72, 0.65, 0.52), drop.below(line, slope) * (1.0 - drop.below(line + 0.42, -slope)), 0.9 + 0.15 * fine)


def _plaza(drop: Backdrop, draws: Draws, grain: Plane) -> None:
    scene, far = drop.scene, drop.scene.horizon
    drop.lay(hue_color(scene.hue, 0.12, 0.66), 1.0, 0.85 + 0.3 * grain)
    drop.lay((0.50, 0.52, 0.56), 0.6 * drop.bars(drop.right * 5.0 + 2 * scene.offset, 0.35, 0.2))
    part = drop.floor(hue_color(scene.hue + 0.1, 0.10, 0.66), far, grain)
    drop.tiles(part, far, (0.46, 0.44, 0.42), 0.13, scene.offset, 0.14)


def _hall(drop: Backdrop, draws: Draws, grain: Plane) -> None:
    scene, line = drop.scene, drop.scene.horizon
    wall = hue_color(scene.hue, 0.15, 0.70)
    drop.lay(wall, 1.0, 0.90 + 0.12 * grain)
    drop.lay(hue_color(scene.hue + 0.55, 0.55, 0.50), drop.box(-1.0, 2.0, line - 0.20, line - 0.13))
    lamps = drop.bars(drop.right * 3.0 + 3 * scene.offset, 0.3, 0.15) * drop.box(-1.0, 2.0, 0.03, 0.09)
    drop.lay((0.95, 0.94, 0.88), lamps)
    part = drop.floor((0.70, 0.69, 0.66), line, grain)
    drop.tiles(part, line, (0.56, 0.55, 0.53), 0.18, scene.offset, 0.08)
    for number in range(2):
        left = -0.3 + 0.55 * number + 0.4 * scene.offset
        drop.lay((0.55, 0.55, 0.56), drop.box(left, left + 0.09, 0.0, line + 0.10))
        drop.lay((0.78, 0.78, 0.77), drop.box(left + 0.015, left + 0.045, 0.0, line + 0.10, 3.0))


_PAINTERS: dict[SceneKind, Callable[[Backdrop, Draws, Plane], None]] = {
    "street": _street, "wall": _wall, "shop": _shop, "park": _park, "plaza": _plaza, "hall": _hall,
}  # fmt: skip


def _clutter(drop: Backdrop, draws: Draws) -> None:
    """One object: a pole, a passer-by, a bin, a car or a sign."""
    far = drop.scene.horizon
    kind = draws.whole(5)
    # Mostly beside the person, who stands in the middle.
    across = draws.one_of((draws.uniform(-0.03, 0.11), draws.uniform(0.39, 0.53)))
    foot = far + draws.uniform(0.08, 0.25)
    if kind == 0:
        drop.lay((0.33, 0.34, 0.35), drop.box(across, across + 0.018, 0.0, foot + 0.2))
    elif kind == 1:
        high = draws.uniform(0.25, 0.45)
        clothes, legs = hue_color(draws.unit(), 0.5, draws.uniform(0.2, 0.5)), (0.20, 0.21, 0.25)
        drop.lay(legs, drop.box(across - 0.10 * high, across + 0.10 * high, foot - 0.5 * high, foot, 3.0))
        drop.lay(clothes, drop.blob(across, foot - 0.64 * high, 0.17 * high, 0.25 * high))
        drop.lay((0.45, 0.33, 0.27), drop.blob(across, foot - 0.92 * high, 0.075 * high, 0.10 * high))
    elif kind == 2:
        drop.lay((0.24, 0.33, 0.28), drop.box(across - 0.04, across + 0.04, foot - 0.13, foot))
        drop.lay((0.35, 0.45, 0.39), drop.box(across - 0.045, across + 0.045, foot - 0.15, foot - 0.12))
    elif kind == 3:
        paint = hue_color(draws.unit(), 0.6, draws.uniform(0.3, 0.6))
        drop.lay(paint, drop.box(across - 0.20, across + 0.20, foot - 0.11, foot - 0.02, 3.0))
        drop.lay((0.28, 0.33, 0.38), drop.blob(across, foot - 0.12, 0.13, 0.07))
        for wheel in (-0.12, 0.12):
            drop.lay((0.10, 0.10, 0.11), drop.blob(across + wheel, foot - 0.02, 0.035, 0.035))
    else:
        drop.lay((0.42, 0.43, 0.44), drop.box(across - 0.006, across + 0.006, foot - 0.42, foot))
        drop.lay(hue_color(draws.unit(), 0.6, 0.5), drop.blob(across, foot - 0.42, 0.05, 0.05))


def draw_background(scene: Scene, light: Light, draws: Draws, height: int, width: int) -> Plane:
    """The scene on a canvas of twice the image's size: float32 [3, 2 height, 2 width], 0..1 and a little beyond."""
    drop = Backdrop(scene, height, width)
    grain = noise(draws, 16, 8, height, width)
    _PAINTERS[scene.kind](drop, draws, grain)
    for _ in range(scene.clutter):
        _clutter(drop, draws)
    image = drop.image * np.float32(scene.shade * (light.ambient + 0.55 * light.diffuse))
    return np.ascontiguousarray(enlarged(image, 2 * height, 2 * width))


def draw_ground_shadow(canvas: Canvas, skeleton: Skeleton, view: View, light: Light) -> None:
    """The person's shadow on the ground: a soft pool under the feet, longer where the sun stands low."""
    feet = [view((x, skeleton.ground, z)) for x, _, z in (leg[2] for leg in skeleton.legs)]
    length = 0.10 + 0.16 * math.cos(light.elevation)
    middle = 0.5 * (feet[0][0] + feet[1][0]) - 0.6 * length * math.sin(light.azimuth)
    spots = [(x, y, 0.075, 0.022, 0.55) for x, y, _ in feet]
    spots.append((middle, 0.5 * (feet[0][1] + feet[1][1]), length + 0.08, 0.045 + 0.3 * view.pitch * length, 0.45))
    for across, up, wide, high, depth in spots:
        rows, columns = canvas.box(across - wide, across + wide, up - high, up + high)
        x, y = (canvas.x[None, columns] - across) * (1 / wide), (canvas.y[rows, None] - up) * (1 / high)
        canvas.image[:, rows, columns] *= 1.0 - depth * np.clip(1.0 - x * x - y * y, 0.0, 1.0)
