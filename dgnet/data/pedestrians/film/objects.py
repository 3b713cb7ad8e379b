"""Columns, trees and lamps of a scene: people walk behind them and are hidden."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from dgnet.data.pedestrians.background import hue_color
from dgnet.data.pedestrians.canvas import Canvas, Plane, knots
from dgnet.data.pedestrians.film.camera import FilmCamera
from dgnet.data.pedestrians.film.sprite import Sprite, draw_sprite
from dgnet.data.pedestrians.noise import noise
from dgnet.data.pedestrians.random_choices import FILM_CAMERA, Draws
from dgnet.data.pedestrians.shading import Shader


@dataclass(frozen=True)
class Object:
    """Something that stands in a scene: where, and how much ground it takes (meters)."""

    x: float
    z: float
    radius: float
    tall: float
    draw: Callable[[Shader, float, Draws], None]
    wide: float


def scene_objects(camera: FilmCamera) -> list[Object]:
    """What stands in the scene of a camera: a column, or a tree, and a lamp."""
    draws = Draws(camera.seed, FILM_CAMERA, camera.number, 2)
    depth = camera.far - camera.near
    side = draws.one_of((-1, 1))
    first = camera.near + draws.uniform(0.28, 0.40) * depth
    second = camera.near + draws.uniform(0.62, 0.8) * depth
    kind: tuple[float, float, Callable[[Shader, float, Draws], None], float]
    kind = (0.5, 2.9, _column, 0.75) if camera.number % 2 else (0.28, 4.4, _tree, 2.2)
    radius, tall, draw, wide = kind
    return [
        Object(side * draws.uniform(0.25, 0.4) * camera.edge(first), first, radius, tall, draw, wide),
        Object(-side * draws.uniform(0.4, 0.6) * camera.edge(second), second, 0.12, 4.2, _lamp, 0.6),
    ]


def object_sprites(camera: FilmCamera, objects: Sequence[Object]) -> list[Sprite]:
    """The objects as the camera sees them."""
    sprites = []
    for number, thing in enumerate(objects):
        draws = Draws(camera.seed, FILM_CAMERA, camera.number, 3, number)
        distance = (thing.x * thing.x + thing.z * thing.z) ** 0.5
        # Sine of the angle by which the camera looks down at the thing.
        fall = camera.stands / (distance * distance + camera.stands * camera.stands) ** 0.5

        def draw(canvas: Canvas, thing: Object = thing, fall: float = fall, draws: Draws = draws) -> None:
            folds = noise(draws, 40, 30, canvas.y.size, canvas.x.size)
            thing.draw(Shader(canvas, camera.light, folds), fall, draws)

        box = (thing.tall + 0.4, -0.5, thing.wide)
        sprites.append(draw_sprite(camera, (thing.x, thing.z), thing.tall, 1.0, box, draw))
    return sprites


def _steady(heights: Plane, table: Sequence[tuple[float, float]], fall: float) -> tuple[Plane, Plane, Plane]:
    """The profile of something round: its middle, half width and half depth."""
    half = knots(heights, table)
    return np.zeros_like(half), half, half


def _column(shader: Shader, fall: float, draws: Draws) -> None:
    """An advertising column: a round trunk with posters, a base and a hood."""
    body = partial(_steady, table=((2.5, 0.5), (0.0, 0.5)), fall=fall)
    patch = shader.canvas.turned(body, 0.0, 2.5, 0.55, fall)
    layers: list[tuple[Sequence[float], Plane | float]] = [((0.74, 0.70, 0.62), 1.0)]
    turn = patch.across * (1.0 + 0.25 * patch.across * patch.across)  # posters get narrower towards the outline
    left = -1.25
    while left < 1.25:
        wide, low = draws.uniform(0.6, 0.95), draws.uniform(0.45, 0.7)
        high = low + draws.uniform(1.1, 1.5)
        paper = _within(turn, left + 0.03, left + wide) * _within(patch.along, low, high, 0.02)
        layers.append((hue_color(draws.unit(), 0.35, draws.uniform(0.45, 0.75)), paper))
        stripe = _within(patch.along, high - 0.5, high - 0.2, 0.02) * paper
        layers.append((hue_color(draws.unit(), 0.4, draws.uniform(0.3, 0.9)), stripe))
        text = _within(patch.along, low + 0.12, low + 0.2, 0.02) * _within(turn, left + 0.08, left + wide - 0.05)
        layers.append(((0.2, 0.2, 0.22), text))
        left += wide
    shader.paint(patch, layers, folds=0.10)
    base = partial(_steady, table=((0.32, 0.52), (0.26, 0.58), (0.0, 0.58)), fall=fall)
    shader.paint(shader.canvas.turned(base, 0.0, 0.3, 0.6, fall), (((0.36, 0.37, 0.36), 1.0),), folds=0.1)
    hood = partial(_steady, table=((2.9, 0.05), (2.75, 0.35), (2.6, 0.62), (2.42, 0.62)), fall=fall)
    shader.paint(shader.canvas.turned(hood, 2.42, 2.9, 0.65, fall), (((0.22, 0.33, 0.29), 1.0),), folds=0.05)


def _tree(shader: Shader, fall: float, draws: Draws) -> None:
    """A tree: a trunk, and a crown that hangs above the heads."""
    rise = (1.0 - fall * fall) ** 0.5
    trunk = ((0.0, 0.0, 0.0), (0.03, 1.4 * rise, 0.0), (-0.02, 3.2 * rise, 0.0))
    shader.paint(shader.canvas.limb(trunk, (0.24, 0.17, 0.14)), (((0.36, 0.28, 0.21), 1.0),), folds=0.7)
    for _ in range(240):
        across, up = draws.bell(0.0, 1.9), draws.bell(3.75, 1.1)
        size = draws.uniform(0.10, 0.26)
        leaves = shader.canvas.ball((across, up * rise), size, 0.8 * size)
        green = hue_color(0.28 + draws.uniform(-0.04, 0.04), 0.5, 0.22 + 0.07 * (up - 3.2) + draws.uniform(-0.04, 0.05))
        shader.paint(leaves, ((green, 1.0),), folds=0.5, shade=0.15)


def _lamp(shader: Shader, fall: float, draws: Draws) -> None:
    """A street lamp."""
    rise = (1.0 - fall * fall) ** 0.5
    iron = (((0.20, 0.23, 0.22), 1.0),)
    post = ((0.0, 0.0, 0.0), (0.0, 0.7 * rise, 0.0), (0.0, 3.6 * rise, 0.0))
    shader.paint(shader.canvas.limb(post, (0.11, 0.06, 0.045)), iron)
    shader.paint(shader.canvas.slab((0.0, 3.75 * rise), 0.17, 0.22, 0.06), (((0.93, 0.90, 0.78), 1.0),))
    shader.paint(shader.canvas.slab((0.0, 3.98 * rise), 0.24, 0.06, 0.03), iron)


def _within(position: Plane, low: float, high: float, soft: float = 0.04) -> Plane:
    return np.clip(np.minimum(position - low, high - position) * (1 / soft) + 0.5, 0.0, 1.0)
