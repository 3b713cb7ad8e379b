"""Structure: what belongs to one image and not to the clothes: pose, body, hair, bag, viewpoint, frame, light, scene.

The colors in here (hair, bag) lie on scales ordered by luminance, so that they can be told from the gray image,
which is all that DG-Net's structure encoder sees.
"""

import math
from dataclasses import dataclass, replace
from typing import Literal

from dgnet.core.errors import UserError
from dgnet.data.pedestrians.appearance import Color, on_scale
from dgnet.data.pedestrians.cameras import Camera, Light, Scene, camera_of
from dgnet.data.pedestrians.random_choices import CROP, STRUCTURE, Draws

ArmPose = Literal["swing", "phone", "pocket", "strap"]
HairStyle = Literal["short", "bob", "long", "ponytail", "bun", "bald"]
BagKind = Literal["none", "backpack", "shoulder"]


@dataclass(frozen=True)
class Pose:
    """`phase`: of the step, 0..1; `stride`: swing of the hip, radians; `lean`: forward, body heights per height."""

    phase: float
    stride: float
    arm_swing: float
    left_arm: ArmPose
    right_arm: ArmPose
    lean: float
    sway: float
    head_turn: float


@dataclass(frozen=True)
class Body:
    """Widths relative to the average build; `legs`: length of the legs relative to the average."""

    build: float
    shoulders: float
    legs: float
    hair: Color
    hair_style: HairStyle


@dataclass(frozen=True)
class Bag:
    """`size`: relative to the average; `side`: +1 hangs on the person's left, -1 on the right."""

    kind: BagKind
    color: Color
    size: float
    side: int


@dataclass(frozen=True)
class Frame:
    """Where the person stands in the image, in fractions of its height: top of the head, soles, shift to the right.

    `stretch`: the crop's horizontal stretch, as detector boxes of any shape are resized to 1:2.
    """

    top: float
    bottom: float
    shift: float
    stretch: float


@dataclass(frozen=True)
class Structure:
    """Everything of an image but the clothes.

    `yaw`: 0 the person faces the camera, pi/2 walks to the right, pi is seen from behind; `pitch`: how far the camera
    looks down; radians. `texture_seed` draws folds and what the background holds.
    """

    pose: Pose
    body: Body
    bag: Bag
    yaw: float
    pitch: float
    frame: Frame
    light: Light
    scene: Scene
    texture_seed: tuple[int, int, int, int]


def hair_tone(depth: float) -> Color:
    """Hair on one scale from blond (0) to black (1); luminance falls along it."""
    stops = ((0.0, (0.72, 0.58, 0.34)), (0.5, (0.36, 0.29, 0.24)), (1.0, (0.09, 0.08, 0.08)))
    return on_scale(stops, depth)


def bag_tone(depth: float) -> Color:
    """Bags from pale canvas (0) to black (1), near neutral; luminance falls along it."""
    return on_scale(((0.0, (0.62, 0.59, 0.54)), (0.5, (0.36, 0.35, 0.34)), (1.0, (0.11, 0.11, 0.12))), depth)


def structure_of(
    seed: int, identity: int, camera: int, index: int, cameras: int = 6, camera_seed: int = 0
) -> Structure:
    """The structure of the `index`-th image of `identity` by `camera` (1 .. cameras): a pure function of its arguments.

    `camera_seed` draws the set of cameras: where each looks, its light and its scene.
    Raises UserError when `camera` is outside 1 .. `cameras`.
    """
    if not 1 <= camera <= cameras:
        raise UserError(f"camera must be between 1 and {cameras}, got {camera}")
    site = camera_of(camera_seed, camera, cameras)
    draws = Draws(seed, STRUCTURE, camera_seed, identity, camera, index)
    yaw = site.yaw + (draws.bell(0.0, 0.7) if draws.chance(0.75) else draws.uniform(0.0, 2 * math.pi))
    return Structure(
        pose=_pose(draws),
        body=_body(draws),
        bag=_bag(draws),
        yaw=yaw % (2 * math.pi),
        pitch=site.pitch + draws.uniform(-0.03, 0.03),
        frame=_frame(draws),
        light=_light(draws, site),
        scene=replace(site.scene, offset=draws.unit(), clutter=draws.whole(4), shade=draws.uniform(0.85, 1.12)),
        texture_seed=(seed, identity, camera, index),
    )


def badly_cropped(structure: Structure) -> Structure:
    """The same structure in a box that missed: a piece of the person too large, too small or at the border."""
    seed, *key = structure.texture_seed
    draws = Draws(seed, CROP, *key)
    kind = draws.whole(3)
    if kind == 0:
        frame = Frame(draws.uniform(-0.9, -0.4), draws.uniform(1.0, 1.5), draws.uniform(-0.2, 0.2), 1.15)
    elif kind == 1:
        frame = Frame(draws.uniform(0.1, 0.5), draws.uniform(1.3, 1.6), draws.uniform(-0.25, 0.25), 1.1)
    else:
        frame = Frame(draws.uniform(0.0, 0.1), draws.uniform(0.85, 1.0), draws.one_of((-0.26, 0.26)), 1.1)
    return replace(structure, frame=frame)


def _pose(draws: Draws) -> Pose:
    walks = draws.chance(0.8)
    arms: tuple[tuple[ArmPose, float], ...] = (("swing", 6.0), ("phone", 1.0), ("pocket", 1.3), ("strap", 0.7))
    return Pose(
        phase=draws.unit(),
        stride=draws.uniform(0.22, 0.48) if walks else draws.uniform(0.02, 0.08),
        arm_swing=draws.uniform(0.2, 0.55) if walks else draws.uniform(0.0, 0.08),
        left_arm=draws.weighted(arms),
        right_arm=draws.weighted(arms),
        lean=draws.bell(0.05 if walks else 0.0, 0.05),
        sway=draws.bell(0.0, 0.03),
        head_turn=draws.bell(0.0, 0.6),
    )


def _body(draws: Draws) -> Body:
    styles: tuple[tuple[HairStyle, float], ...] = (
        ("short", 4.0), ("bob", 1.5), ("long", 2.0), ("ponytail", 1.5), ("bun", 0.8), ("bald", 0.5),
    )  # fmt: skip
    return Body(
        build=draws.bell(1.06, 0.18),
        shoulders=draws.bell(1.0, 0.10),
        legs=draws.bell(1.0, 0.05),
        hair=hair_tone(draws.unit()),
        hair_style=draws.weighted(styles),
    )


def _bag(draws: Draws) -> Bag:
    kind: BagKind = draws.weighted((("none", 5.5), ("backpack", 2.2), ("shoulder", 2.3)))
    return Bag(kind, bag_tone(draws.unit()), draws.uniform(0.8, 1.15), draws.one_of((-1, 1)))


def _frame(draws: Draws) -> Frame:
    return Frame(
        top=draws.bell(0.075, 0.13),
        bottom=draws.bell(0.945, 0.10),
        shift=draws.bell(0.0, 0.13),
        stretch=draws.uniform(1.08, 1.26),
    )


def _light(draws: Draws, site: Camera) -> Light:
    """The camera's light at the moment: its direction holds, brightness, contrast and shadows change."""
    base = site.light
    return replace(
        base,
        azimuth=base.azimuth + draws.bell(0.0, 0.5),
        ambient=base.ambient * draws.uniform(0.9, 1.12),
        diffuse=base.diffuse * draws.uniform(0.75, 1.2),
        gain=base.gain * draws.uniform(0.80, 1.16),
        contrast=base.contrast * draws.uniform(0.88, 1.14),
        shadow=draws.uniform(0.2, 0.42) if draws.chance(0.3) else 0.0,
        shadow_edge=draws.uniform(0.15, 0.85),
        shadow_slope=draws.uniform(-1.2, 1.2),
    )
