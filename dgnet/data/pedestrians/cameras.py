"""Cameras: each has a preferred viewpoint, a light and a scene of its own, the same in all its images."""

import math
from dataclasses import dataclass
from typing import Literal

from dgnet.data.pedestrians.appearance import Color
from dgnet.data.pedestrians.random_choices import CAMERA, Draws

SceneKind = Literal["street", "wall", "shop", "park", "plaza", "hall"]
SCENES: tuple[SceneKind, ...] = ("street", "wall", "shop", "park", "plaza", "hall")


@dataclass(frozen=True)
class Light:
    """The light on a scene and the camera's exposure.

    `azimuth`: 0 from behind the camera, pi/2 from the right; `elevation` above the horizon; radians. `ambient`,
    `diffuse`: brightness from everywhere and from the lamp. `tint` and `gain` multiply the colors, `contrast`
    stretches about middle gray. `shadow`: depth (0..1) of a shadow over all below a line, which crosses the middle of
    the image at `shadow_edge` of its height and rises to the right by `shadow_slope`.
    """

    azimuth: float
    elevation: float
    ambient: float
    diffuse: float
    tint: Color
    gain: float
    contrast: float
    shadow: float = 0.0
    shadow_edge: float = 0.5
    shadow_slope: float = 0.0


@dataclass(frozen=True)
class Scene:
    """The background: `horizon` is where floor meets wall (fraction of the height from the top); `offset` (0..1) where
    along the street the person stands, `clutter` the number of objects, `shade` its brightness."""

    kind: SceneKind
    horizon: float
    hue: float
    offset: float = 0.0
    clutter: int = 0
    shade: float = 1.0


@dataclass(frozen=True)
class Camera:
    """`yaw`: from where people are mostly seen, `pitch`: how far the camera looks down; radians."""

    yaw: float
    pitch: float
    light: Light
    scene: Scene


def camera_of(camera_seed: int, camera: int, cameras: int) -> Camera:
    """Camera number `camera` (1 .. cameras) of the set that `camera_seed` draws: a pure function of its arguments.

    The favored viewpoints of a set spread over the full turn and its scenes over the kinds.
    """
    shared = Draws(camera_seed, CAMERA, 0)
    turn = shared.uniform(0.0, 2 * math.pi)
    scenes = shared.shuffled(SCENES)
    draws = Draws(camera_seed, CAMERA, camera)
    kind = scenes[(camera - 1) % len(scenes)]
    warmth = draws.uniform(-0.035, 0.035)  # mild, so that colors stay recognizable from camera to camera
    light = Light(
        azimuth=draws.uniform(-1.7, 1.7),
        elevation=draws.uniform(0.35, 1.15),
        ambient=draws.uniform(0.56, 0.74),
        diffuse=draws.uniform(0.32, 0.60),
        tint=(1.0 + warmth, 1.0 + draws.uniform(-0.012, 0.012), 1.0 - warmth),
        gain=draws.uniform(0.92, 1.14),
        contrast=draws.uniform(0.94, 1.12),
    )
    low, high = {"wall": (0.62, 0.82), "shop": (0.60, 0.80), "hall": (0.35, 0.6)}.get(kind, (0.14, 0.42))
    return Camera(
        yaw=(turn + 2 * math.pi * (camera - 1) / cameras + draws.uniform(-0.3, 0.3)) % (2 * math.pi),
        pitch=draws.uniform(0.05, 0.24),
        light=light,
        scene=Scene(
            kind=kind,
            horizon=draws.uniform(low, high),
            hue=draws.one_of((0.03, 0.07, 0.10, 0.13, 0.34, 0.55, 0.59)) + draws.uniform(-0.03, 0.03),
        ),
    )
