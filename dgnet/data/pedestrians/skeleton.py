"""From pose and body to joints, seen by the camera: a walking figure of height one in orthographic projection.

Body axes: x to the person's left, y up, z forward, the soles near y = 0. View axes: x to the right, y up, depth towards
the camera. Scalars are Python floats: the joints of one figure are few.
"""

import math
from dataclasses import dataclass

from dgnet.data.pedestrians.structure import ArmPose, Structure

Point = tuple[float, float, float]

HIP_HEIGHT = 0.50
SHOULDER_HEIGHT = 0.782
THIGH, SHIN, FOOT = 0.232, 0.225, 0.105
UPPER_ARM, FOREARM = 0.160, 0.150


@dataclass(frozen=True)
class View:
    """Turns body points into view points: a turn about the vertical by `yaw`, then the camera's `pitch`."""

    yaw: float
    pitch: float

    def __call__(self, point: Point) -> Point:
        x, y, z = point
        sine, cosine = math.sin(self.yaw), math.cos(self.yaw)
        across, depth = x * cosine + z * sine, z * cosine - x * sine
        rise, fall = math.cos(self.pitch), math.sin(self.pitch)
        return across, y * rise - depth * fall, depth * rise + y * fall

    def depth(self, point: Point) -> float:
        """Depth before the pitch: what stands in front of what."""
        return point[2] * math.cos(self.yaw) - point[0] * math.sin(self.yaw)

    def extent(self, half_width: float, half_depth: float) -> tuple[float, float]:
        """Half width and half depth, as seen, of an upright ellipse with these half axes along x and z."""
        sine, cosine = math.sin(self.yaw), math.cos(self.yaw)
        wide = math.sqrt((half_width * cosine) ** 2 + (half_depth * sine) ** 2)
        deep = math.sqrt((half_width * sine) ** 2 + (half_depth * cosine) ** 2)
        return wide, deep


@dataclass(frozen=True)
class Skeleton:
    """Joints in body axes; the first of each pair is the person's left."""

    legs: tuple[tuple[Point, Point, Point, Point], ...]  # hip, knee, ankle, toe
    arms: tuple[tuple[Point, Point, Point], ...]  # shoulder, elbow, wrist
    head: Point
    ground: float  # height of the soles: the hips stay where they are, whatever the legs do
    lean: float
    sway: float

    def spine(self, height: float) -> Point:
        """The middle of the body at a height: it leans and sways above the hips."""
        above = max(0.0, height - HIP_HEIGHT)
        return self.sway * above, height, self.lean * above


def skeleton_of(structure: Structure) -> Skeleton:
    """Joints of the structure's pose; `ground` is where its lower foot stands."""
    pose, body = structure.pose, structure.body
    legs = [_leg(pose.phase + half, pose.stride, side, body.legs) for half, side in ((0.0, 1), (0.5, -1))]
    ground = min(leg[2][1] for leg in legs) - 0.032
    partial = Skeleton(tuple(legs), (), (0.0, 0.0, 0.0), ground, pose.lean, pose.sway)
    swings = (-math.sin(2 * math.pi * pose.phase), math.sin(2 * math.pi * pose.phase))
    arms = tuple(
        _arm(partial, kind, side, swing * pose.arm_swing, body.shoulders * body.build)
        for kind, side, swing in zip((pose.left_arm, pose.right_arm), (1, -1), swings, strict=True)
    )
    x, _, z = partial.spine(0.92)
    return Skeleton(tuple(legs), arms, (x, 0.934, z + 0.008), ground, pose.lean, pose.sway)


def _leg(phase: float, stride: float, side: int, length: float) -> tuple[Point, Point, Point, Point]:
    swing = stride * math.sin(2 * math.pi * phase)
    # The knee bends while the leg comes forward (a quarter of a period before it is foremost), hardly when it stands.
    bend = 0.08 + 1.5 * stride * max(0.0, math.cos(2 * math.pi * phase)) ** 2
    x = side * 0.052
    hip = (x, HIP_HEIGHT, 0.0)
    knee = _hang(hip, THIGH * length, swing + 0.35 * bend, side * 0.01)
    ankle = _hang(knee, SHIN * length, swing - 0.65 * bend, side * 0.004)
    lift = min(0.5, max(-0.5, -0.55 * (swing - 0.65 * bend)))  # the heel leaves the ground behind
    toe = (ankle[0] + side * 0.018, ankle[1] - 0.012 - FOOT * math.sin(lift) * 0.8, ankle[2] + 0.078 * math.cos(lift))
    return hip, knee, ankle, toe


def _hang(start: Point, length: float, forward: float, outward: float) -> Point:
    """The end of a bone that hangs from `start`, swung forward by an angle and outward by a slope."""
    x, y, z = start
    return x + outward * length * 6, y - length * math.cos(forward), z + length * math.sin(forward)


def _arm(spine: Skeleton, kind: ArmPose, side: int, swing: float, width: float) -> tuple[Point, Point, Point]:
    x, y, z = spine.spine(SHOULDER_HEIGHT)
    shoulder = (x + side * 0.109 * width, y, z - 0.002)
    if kind == "phone":
        elbow = _hang(shoulder, UPPER_ARM, 0.15, side * 0.03)
        return shoulder, elbow, (elbow[0] - side * 0.045, elbow[1] + 0.085, elbow[2] + 0.105)
    if kind == "pocket":
        elbow = _hang(shoulder, UPPER_ARM, -0.25, side * 0.06)
        return shoulder, elbow, (elbow[0] - side * 0.030, elbow[1] - 0.120, elbow[2] + 0.075)
    if kind == "strap":
        elbow = _hang(shoulder, UPPER_ARM, 0.05, side * 0.045)
        return shoulder, elbow, (elbow[0] - side * 0.055, elbow[1] + 0.105, elbow[2] + 0.085)
    elbow = _hang(shoulder, UPPER_ARM, swing * 0.8 - 0.05, side * 0.035)
    return shoulder, elbow, _hang(elbow, FOREARM, swing + 0.22 + 0.25 * max(0.0, swing), side * 0.008)
