"""What never moves: the ground, and what stands at its far end, as a camera sees them."""

from collections.abc import Callable

import numpy as np

from dgnet.data.pedestrians.appearance import Color
from dgnet.data.pedestrians.background import hue_color
from dgnet.data.pedestrians.canvas import Plane
from dgnet.data.pedestrians.film.camera import FilmCamera
from dgnet.data.pedestrians.noise import noise
from dgnet.data.pedestrians.random_choices import FILM_CAMERA, Draws
from dgnet.data.pedestrians.render import exposed

_OVERSAMPLING = 2
_BEYOND = 3.5  # meters between the farthest walk and the wall or the trees


class Surface:
    """A plane that is being painted.

    `u`, `v`: its coordinates in meters at each pixel; `image` [3, rows, columns] receives the colors where `part` (0 or
    1) is 1.
    """

    def __init__(self, image: Plane, part: Plane, u: Plane, v: Plane) -> None:
        self.image, self.part, self.u, self.v = image, part, u, v
        self._footprint_u, self._footprint_v = (
            np.maximum(np.abs(np.gradient(plane, axis=0)), np.abs(np.gradient(plane, axis=1))) + np.float32(1e-4)
            for plane in (u, v)
        )

    def lay(self, color: Color, amount: Plane | float = 1.0, shade: Plane | float = 1.0) -> None:
        """Cover by `amount` (0..1) with a color of some brightness."""
        for plane, channel in zip(self.image, color, strict=True):
            plane += self.part * amount * (channel * shade - plane)

    def between_u(self, low: float, high: float) -> Plane:
        """Coverage of a strip, with edges as sharp as pixels are."""
        return _between(self.u, self._footprint_u, low, high)

    def between_v(self, low: float, high: float) -> Plane:
        return _between(self.v, self._footprint_v, low, high)

    def lines_u(self, period: float, width: float, shift: float = 0.0) -> Plane:
        """Coverage of lines `width` wide, one each `period`; finer than pixels they fade to their mean."""
        return _lines(self.u - shift, self._footprint_u, period, width)

    def lines_v(self, period: float, width: float, shift: float = 0.0) -> Plane:
        return _lines(self.v - shift, self._footprint_v, period, width)

    def tones(self, draws: Draws, wide: float, high: float, shift_rows: bool = False) -> Plane:
        """-1..1, one number for each tile of this size; fades where tiles are finer than pixels."""
        row = np.floor(self.v * (1 / high)).astype(np.int64)
        shifted = self.u * (1 / wide) + (0.5 * (row % 2) if shift_rows else 0.0)
        column = np.floor(shifted).astype(np.int64)
        values = draws.field(64, 64)[row % 64, column % 64] * 2 - 1
        return values * np.clip(1.5 - 1.5 * self._footprint_v / high, 0.0, 1.0)


def _between(position: Plane, footprint: Plane, low: float, high: float) -> Plane:
    return np.clip(np.minimum(position - low, high - position) / footprint + 0.5, 0.0, 1.0)


def _lines(position: Plane, footprint: Plane, period: float, width: float) -> Plane:
    offset = np.abs(position - period * np.floor(position / period + 0.5))
    sharp = np.clip((0.5 * width - offset) / footprint + 0.5, 0.0, 1.0)
    blurred = np.clip(1.5 - 2.0 * footprint / period, 0.0, 1.0)
    return sharp * blurred + (1.0 - blurred) * (width / period)


def draw_ground(camera: FilmCamera) -> Plane:
    """The empty scene: float32 [3, rows, columns], 0..1."""
    rows, columns = camera.rows * _OVERSAMPLING, camera.columns * _OVERSAMPLING
    row = ((np.arange(rows, dtype=np.float32) + np.float32(0.5)) / _OVERSAMPLING)[:, None]
    column = ((np.arange(columns, dtype=np.float32) + np.float32(0.5)) / _OVERSAMPLING)[None]
    x, y, z = (np.broadcast_to(plane, (rows, columns)).astype(np.float32) for plane in camera.rays(column, row))
    end = camera.far + _BEYOND
    to_wall = end / np.maximum(z, np.float32(1e-3))
    to_ground = np.where(y < -1e-4, camera.stands / np.maximum(-y, np.float32(1e-4)), np.float32(1e6))
    on_ground = (to_ground < to_wall).astype(np.float32)
    draws = Draws(camera.seed, FILM_CAMERA, camera.number, 1)
    image = np.zeros((3, rows, columns), np.float32)
    near = np.minimum(to_ground, to_wall)
    ground = Surface(image, on_ground, x * near, z * near)
    wall = Surface(image, 1.0 - on_ground, x * to_wall, camera.stands + y * to_wall)
    hue = draws.one_of((0.03, 0.07, 0.10, 0.13, 0.57)) + draws.uniform(-0.02, 0.02)
    _SCENES[camera.number % len(_SCENES)](ground, wall, draws, hue, camera)
    # What stands on the ground keeps light away from it.
    foot = np.clip(1.0 - (end - z * near) * np.float32(1 / 0.9), 0.0, 1.0) * on_ground
    image *= 1.0 - 0.35 * foot * foot
    image *= np.float32(camera.light.ambient + 0.55 * camera.light.diffuse)
    halves = image.reshape(3, camera.rows, _OVERSAMPLING, camera.columns, _OVERSAMPLING).mean(axis=(2, 4))
    return exposed(halves.astype(np.float32), camera.light)


def _grain(surface: Surface, draws: Draws, cells: int) -> Plane:
    return noise(draws, cells, 2 * cells, *surface.u.shape) - np.float32(0.5)


def _plaza(ground: Surface, wall: Surface, draws: Draws, hue: float, camera: FilmCamera) -> None:
    """Large stones before a row of houses with shops."""
    coarse, fine = _grain(ground, draws, 6), _grain(ground, draws, 120)
    stone = hue_color(hue, 0.06, 0.64)
    ground.lay(stone, 1.0, 0.98 + 0.10 * coarse + 0.06 * fine + 0.05 * ground.tones(draws, 0.9, 0.9))
    joints = np.maximum(ground.lines_u(0.9, 0.035), ground.lines_v(0.9, 0.035))
    ground.lay((0.40, 0.39, 0.37), 0.65 * joints)
    band = ground.between_v(camera.far - 5.6, camera.far - 4.7)
    ground.lay(hue_color(hue, 0.10, 0.46), band, 1.0 + 0.08 * ground.tones(draws, 0.3, 0.3) + 0.06 * fine)
    ground.lay((0.62, 0.60, 0.57), ground.between_v(camera.far + 1.6, camera.far + 4), 0.96 + 0.1 * fine)
    ground.lay((0.44, 0.43, 0.42), ground.between_v(camera.far + 1.5, camera.far + 1.64))
    _houses(wall, draws, hue)


def _park(ground: Surface, wall: Surface, draws: Draws, hue: float, camera: FilmCamera) -> None:
    """A park with a way of gravel before trees; the near half is paved."""
    coarse, fine = _grain(ground, draws, 9), _grain(ground, draws, 150)
    grass = 0.95 + 0.28 * coarse + 0.34 * fine
    ground.lay((0.36, 0.47, 0.23), 1.0, grass)
    bend = 0.7 * np.clip(ground.u * np.float32(0.12), -1.0, 1.0)
    middle = 0.5 * (camera.near + camera.far)
    edges = np.clip((np.abs(ground.v - middle - bend) - np.float32(2.9)) * 3.0 + 0.6 * fine + 0.5, 0.0, 1.0)
    ground.lay((0.66, 0.60, 0.50), 1.0 - edges, 0.97 + 0.09 * coarse + 0.16 * fine)
    paved = ground.between_v(-1.0, camera.near + 0.9)
    ground.lay((0.55, 0.53, 0.51), paved, 0.98 + 0.10 * ground.tones(draws, 0.24, 0.12, True) + 0.08 * fine)
    ground.lay((0.36, 0.35, 0.34), 0.5 * paved * np.maximum(ground.lines_u(0.24, 0.02), ground.lines_v(0.12, 0.016)))
    ground.lay((0.72, 0.71, 0.68), ground.between_v(camera.near + 0.9, camera.near + 1.02))
    _trees(wall, draws)


def _houses(wall: Surface, draws: Draws, hue: float) -> None:
    """A row of houses, each with its color, windows and a shop below."""
    grain = _grain(wall, draws, 40)
    left = -26.0
    while left < 26.0:
        wide = draws.uniform(6.0, 9.0)
        house = wall.between_u(left, left + wide)
        color = hue_color(hue + draws.uniform(-0.06, 0.06), draws.uniform(0.06, 0.2), draws.uniform(0.55, 0.72))
        wall.lay(color, house, 0.97 + 0.08 * grain)
        wall.lay((0.35, 0.33, 0.31), wall.between_u(left - 0.04, left + 0.04))
        inside = wall.between_u(left + 0.5, left + wide - 0.5)
        count = max(2, round((wide - 1.0) / 1.9))
        step = (wide - 1.0) / count
        for floor in range(1, 4):
            low = 0.9 + 2.9 * floor
            frame = wall.lines_u(step, 1.14, left + 0.5 + 0.5 * step) * wall.between_v(low - 0.08, low + 1.58) * inside
            glass = wall.lines_u(step, 0.96, left + 0.5 + 0.5 * step) * wall.between_v(low, low + 1.5) * inside
            wall.lay((0.86, 0.85, 0.82), frame)
            wall.lay((0.25, 0.31, 0.38), glass, 0.9 + 0.35 * grain + 0.1 * (wall.v - low))
            wall.lay((0.86, 0.85, 0.82), wall.lines_u(step, 0.07, left + 0.5 + 0.5 * step) * glass)
        wall.lay((0.28, 0.27, 0.26), inside * wall.between_v(0.0, 2.75), 1.0 + 0.2 * grain)
        pane = wall.between_u(left + 0.7, left + wide - 1.9) * wall.between_v(0.45, 2.3)
        wall.lay((0.70, 0.66, 0.55), pane, 0.95 + 0.5 * grain)
        _goods(wall, draws, pane, left + 0.7, left + wide - 1.9)
        door = wall.between_u(left + wide - 1.6, left + wide - 0.75) * wall.between_v(0.05, 2.2)
        wall.lay(hue_color(draws.unit(), 0.4, 0.36), door)
        awning = inside * wall.between_v(2.35, 2.95)
        paint = hue_color(draws.unit(), 0.55, 0.44)
        wall.lay(paint, awning, 0.8 + 0.35 * (wall.v - 2.35))
        wall.lay((0.90, 0.88, 0.83), awning * wall.lines_u(0.7, 0.35, left), 0.8 + 0.35 * (wall.v - 2.35))
        left += wide
    wall.lay((0.38, 0.37, 0.36), wall.between_v(-1.0, 0.4), 1.0 + 0.1 * grain)


def _goods(wall: Surface, draws: Draws, pane: Plane, left: float, right: float) -> None:
    for _ in range(7):
        across, wide = draws.uniform(left, right), draws.uniform(0.15, 0.35)
        thing = wall.between_u(across - wide, across + wide) * wall.between_v(0.5, draws.uniform(0.9, 1.8))
        wall.lay(hue_color(draws.unit(), 0.6, draws.uniform(0.3, 0.5)), 0.8 * thing * pane)


def _trees(wall: Surface, draws: Draws) -> None:
    """A hedge, trees behind it, and the sky."""
    coarse, fine = _grain(wall, draws, 10), _grain(wall, draws, 90)
    wall.lay((0.66, 0.78, 0.90), 1.0, 1.0 + 0.015 * wall.v + 0.05 * coarse)
    for layer in range(3):
        shade = 0.62 + 0.16 * layer
        for _ in range(13):
            green = hue_color(0.29 + draws.uniform(-0.05, 0.04), 0.42, draws.uniform(0.24, 0.34) * shade * 1.3)
            across, size = draws.uniform(-24.0, 24.0), draws.uniform(1.5, 2.9) * (1.25 - 0.2 * layer)
            up = draws.uniform(4.2, 6.0) - 1.1 * layer
            trunk = wall.between_u(across - 0.16, across + 0.16) * wall.between_v(0.0, up)
            wall.lay((0.26, 0.20, 0.15), trunk)
            x, y = (wall.u - across) * (1 / size), (wall.v - up) * (1 / (0.85 * size))
            round_ = np.clip((1.0 - x * x - y * y + 0.9 * fine + 0.5 * coarse) * 3.0, 0.0, 1.0)
            wall.lay(green, round_, 0.95 + 0.5 * fine + 0.22 * y - 0.15 * x)
    top = 1.25 + 0.25 * coarse + 0.22 * fine
    hedge = np.clip((top - wall.v) * 6.0 + 0.5, 0.0, 1.0)
    wall.lay((0.20, 0.31, 0.15), hedge, 0.75 + 0.7 * fine + 0.28 * wall.v)


_SCENES: tuple[Callable[[Surface, Surface, Draws, float, FilmCamera], None], ...] = (_park, _plaza)
