"""The dressed body, part by part: legs and shoes, hips or skirt, torso, arms."""

import math

import numpy as np

from dgnet.data.pedestrians import patterns
from dgnet.data.pedestrians.appearance import Appearance
from dgnet.data.pedestrians.canvas import Patch, Plane, Profile, knots, turn_of
from dgnet.data.pedestrians.shading import Shader
from dgnet.data.pedestrians.skeleton import Point, Skeleton, View
from dgnet.data.pedestrians.structure import Structure

Knots = tuple[tuple[float, float], ...]

_TORSO_WIDTH: Knots = (
    (0.858, 0.032), (0.838, 0.050), (0.818, 0.086), (0.785, 0.112), (0.720, 0.113), (0.620, 0.098), (0.540, 0.102),
    (0.480, 0.108), (0.380, 0.118),
)  # fmt: skip
_TORSO_DEPTH: Knots = ((0.858, 0.036), (0.820, 0.058), (0.740, 0.078), (0.620, 0.072), (0.540, 0.078), (0.380, 0.092))
_HIP_WIDTH: Knots = ((0.580, 0.096), (0.500, 0.106), (0.440, 0.100))
_HIP_DEPTH: Knots = ((0.580, 0.068), (0.500, 0.080), (0.440, 0.070))
_HAND = 0.030
_FOLDS = 0.26


class Dresser:
    """Draws the clothed parts of one person. Every method paints one part; the order is the caller's."""

    def __init__(self, shader: Shader, appearance: Appearance, structure: Structure, skeleton: Skeleton, view: View):
        self._shader, self._canvas = shader, shader.canvas
        self._appearance, self._structure = appearance, structure
        self._skeleton, self._view = skeleton, view
        self._turn = structure.yaw / (2 * math.pi)
        self._fall = math.sin(structure.pitch)

    def _upright(self, width: Knots, depth: Knots, scale: float) -> Profile:
        """The profile, as seen, of a body with these half widths and half depths."""
        sine, cosine = math.sin(self._view.yaw), math.cos(self._view.yaw)
        lean = self._skeleton.sway * cosine + self._skeleton.lean * sine

        def profile(heights: Plane) -> tuple[Plane, Plane, Plane]:
            a, b = knots(heights, width) * scale, knots(heights, depth) * scale
            middle = lean * np.maximum(heights - 0.5, 0.0)
            wide = np.sqrt((a * cosine) ** 2 + (b * sine) ** 2)
            deep = np.sqrt((a * sine) ** 2 + (b * cosine) ** 2)
            return middle, wide, deep

        return profile

    def leg(self, index: int) -> None:
        """Leg, sock, shoe and trouser leg of one side."""
        lower, appearance, pixel = self._appearance.lower, self._appearance, self._canvas.pixel
        hip, knee, ankle, toe = self._skeleton.legs[index]
        points = [self._view(point) for point in (hip, knee, ankle)]
        length = math.dist(hip, knee) + math.dist(knee, ankle)
        build = self._structure.body.build
        if lower.kind != "trousers":
            bare = self._canvas.limb(points, (0.056 * build, 0.039 * build, 0.025))
            sock = patterns.edge(bare.along - (length - appearance.sock_height + 0.02), pixel)
            self._shader.paint(bare, ((self._appearance.skin, 1.0), (appearance.socks, sock)), shade=0.4)
        self._shoe(ankle, toe)
        if lower.kind == "skirt":
            return
        hem = min(length + 0.006, length * (1.0 - (lower.hem - 0.04) / 0.46))
        loose = lower.width * build
        end = 0.040 * lower.width if lower.kind == "trousers" else 0.052 * loose
        cloth = self._canvas.limb(points, (0.062 * build, 0.050 * loose, end))
        cloth.cut(hem - cloth.along, pixel)
        cloth.distance = np.maximum(cloth.distance, cloth.along - hem)
        mix = patterns.on_leg(lower, turn_of(cloth.across) - self._turn, cloth.along, hem, cloth.facing, pixel)
        self._shader.paint(cloth, ((lower.color, 1.0), (lower.accent, mix)), folds=_FOLDS, shade=0.45)

    def _shoe(self, ankle: Point, toe: Point) -> None:
        heel = (ankle[0], ankle[1] - 0.004, ankle[2] - 0.016)
        x, y, z = (0.5 * (one + two) for one, two in zip(heel, toe, strict=True))
        points = [self._view(heel), self._view((x, y + 0.004, z)), self._view(toe)]
        shoe = self._canvas.limb(points, (0.031, 0.029, 0.022))
        sole = np.clip((-shoe.normal_y - 0.62) * 5.0, 0.0, 1.0)
        self._shader.paint(shoe, ((self._appearance.shoes, 1.0), (self._appearance.soles, sole)), shade=0.35)

    def hips(self) -> None:
        """The upper part of trousers and shorts, or the skirt."""
        lower, build, pixel = self._appearance.lower, self._structure.body.build, self._canvas.pixel
        if lower.kind != "skirt":
            part = self._canvas.turned(
                self._upright(_HIP_WIDTH, _HIP_DEPTH, build), 0.452, 0.58, 0.2 * build, self._fall
            )
            mix = patterns.on_hips(lower, turn_of(part.across) - self._turn, part.along, part.facing, pixel)
        else:
            flare = 0.024 * lower.width
            sweep = 0.5 * self._structure.pose.stride * max(0.0, 0.42 - lower.hem)  # a step pushes the skirt out
            width: Knots = ((0.580, 0.096), (0.500, 0.112), (lower.hem, 0.118 + flare))
            depth: Knots = ((0.580, 0.068), (0.500, 0.086), (lower.hem, 0.092 + flare + 2.5 * sweep))
            profile = self._upright(width, depth, build)
            part = self._canvas.turned(profile, lower.hem, 0.58, 0.3 * build, self._fall)
            mix = patterns.on_skirt(lower, turn_of(part.across) - self._turn, part.along, part.facing, pixel)
        self._shader.paint(part, ((lower.color, 1.0), (lower.accent, mix)), folds=_FOLDS, shade=0.35)

    def torso(self) -> None:
        """The upper garment without sleeves, and the straps of a bag over it."""
        upper, body, pixel = self._appearance.upper, self._structure.body, self._canvas.pixel
        profile = self._upright(_TORSO_WIDTH, _TORSO_DEPTH, body.build)
        part = self._canvas.turned(profile, upper.hem, 0.858, 0.24 * body.build, self._fall)
        mix = patterns.on_torso(upper, turn_of(part.across) - self._turn, part.along, part.facing, pixel)
        layers = [(upper.color, 1.0), (upper.accent, mix), (self._structure.bag.color, self._straps(part, pixel))]
        self._shader.paint(part, layers, folds=_FOLDS, shade=0.35)

    def _straps(self, part: Patch, pixel: float) -> Plane | float:
        bag = self._structure.bag
        sine, cosine = math.sin(self._view.yaw), math.cos(self._view.yaw)
        left = (part.across * cosine - part.facing * sine) * 0.12  # towards the person's left, body heights
        if bag.kind == "backpack":
            forward = part.across * sine + part.facing * cosine
            band = patterns.edge(0.013 - np.abs(np.abs(left) - 0.068), pixel)
            return band * patterns.edge(part.along - 0.66, pixel) * np.clip(forward * 6.0 + 1.0, 0.0, 1.0)
        if bag.kind == "shoulder":
            slope = part.along - 0.66 + bag.side * 1.45 * left
            return patterns.edge(0.011 - np.abs(slope) * 0.57, pixel) * patterns.edge(part.along - 0.53, pixel)
        return 0.0

    def arm(self, index: int) -> None:
        """Arm, hand and sleeve of one side."""
        upper, skin, pixel = self._appearance.upper, self._appearance.skin, self._canvas.pixel
        shoulder, elbow, wrist = self._skeleton.arms[index]
        points = [self._view(point) for point in (shoulder, elbow, wrist)]
        build = self._structure.body.build
        reach = _HAND / math.dist(elbow, wrist)
        x, y, z = (end + reach * (end - start) for start, end in zip(elbow, wrist, strict=True))
        hand = self._canvas.limb([self._view(wrist), self._view((x, y, z))], (0.020, 0.019))
        self._shader.paint(hand, ((skin, 1.0),), shade=0.25)
        if upper.sleeves != "long":
            bare = self._canvas.limb(points, (0.032 * build, 0.027 * build, 0.020))
            self._shader.paint(bare, ((skin, 1.0),), shade=0.35)
        if upper.sleeves == "none":
            return
        cloth = self._canvas.limb(points, (0.037 * build, 0.034 * build, 0.028))
        hem = 0.135 if upper.sleeves == "short" else 0.318
        cloth.cut(hem - cloth.along, pixel)
        cloth.distance = np.maximum(cloth.distance, cloth.along - hem)
        mix = patterns.on_sleeve(upper, turn_of(cloth.across) - self._turn, cloth.along, cloth.facing, pixel)
        self._shader.paint(cloth, ((upper.color, 1.0), (upper.accent, mix)), folds=_FOLDS, shade=0.40)
