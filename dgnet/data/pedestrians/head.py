"""Neck, head, face and hair."""

import math

import numpy as np

from dgnet.data.pedestrians.appearance import Color
from dgnet.data.pedestrians.canvas import Patch, Plane
from dgnet.data.pedestrians.shading import Shader
from dgnet.data.pedestrians.skeleton import Skeleton, View
from dgnet.data.pedestrians.structure import Structure

_WIDTH, _DEPTH, _HEIGHT = 0.053, 0.061, 0.071  # half axes of the head, body heights


class HeadPainter:
    """Draws head and hair of one person; the order of the parts is the caller's."""

    def __init__(self, shader: Shader, skin: Color, structure: Structure, skeleton: Skeleton, view: View) -> None:
        self._shader, self._canvas, self._skin = shader, shader.canvas, skin
        self._body, self._head = structure.body, skeleton.head
        self._spine = skeleton.spine
        self._view = view
        self._face = View(structure.yaw + structure.pose.head_turn, structure.pitch)

    def _at(self, left: float, up: float, forward: float) -> tuple[float, float, float]:
        """View point of an offset from the middle of the head, which turns with the face."""
        sine, cosine = math.sin(self._face.yaw - self._view.yaw), math.cos(self._face.yaw - self._view.yaw)
        x, y, z = self._head
        return self._view((x + left * cosine + forward * sine, y + up, z - left * sine + forward * cosine))

    @property
    def back_is_near(self) -> bool:
        """Whether the back of the head is nearer to the camera than the face."""
        return math.cos(self._face.yaw) < 0

    def neck(self) -> None:
        low, high = self._spine(0.80), self._spine(0.90)
        part = self._canvas.limb([self._view(low), self._view(high)], (0.034, 0.029))
        skin = tuple(0.86 * channel for channel in self._skin)
        self._shader.paint(part, ((skin, 1.0),), shade=0.2)

    def hair_behind(self) -> None:
        """What hangs or sits behind the head: long hair, a ponytail, a bun."""
        style, hair = self._body.hair_style, ((self._body.hair, 1.0),)
        if style == "long":
            points = [self._at(0.0, 0.01, -0.022), self._at(0.0, -0.07, -0.036), self._at(0.0, -0.155, -0.040)]
            self._shader.paint(self._canvas.limb(points, (0.055, 0.056, 0.042)), hair)
        elif style == "bob":
            points = [self._at(0.0, 0.01, -0.012), self._at(0.0, -0.050, -0.012)]
            self._shader.paint(self._canvas.limb(points, (0.057, 0.052)), hair)
        elif style == "ponytail":
            points = [self._at(0.0, 0.022, -0.058), self._at(0.0, -0.02, -0.092), self._at(0.0, -0.115, -0.085)]
            self._shader.paint(self._canvas.limb(points, (0.017, 0.023, 0.010)), hair)
        elif style == "bun":
            across, up, _ = self._at(0.0, 0.048, -0.055)
            self._shader.paint(self._canvas.ball((across, up), 0.029, 0.027), hair)

    def head(self) -> None:
        """Skull, face, and the hair that lies on it."""
        wide, _ = self._face.extent(_WIDTH, _DEPTH)
        across, up, _ = self._at(0.0, 0.0, 0.0)
        if self._body.hair_style != "bald":  # hair has a thickness
            back, lift, _ = self._at(0.0, 0.008, -0.008)
            scalp = self._canvas.ball((back, lift), wide + 0.006, _HEIGHT + 0.003)
            self._shader.paint(scalp, ((self._body.hair, 1.0),))
        ball = self._canvas.ball((across, up), wide, _HEIGHT)
        # A jaw narrower than the skull.
        ball.distance = ball.distance + 0.012 * np.maximum(-ball.along - 0.25, 0.0) * np.abs(ball.across)
        ball.coverage = np.clip(0.5 - ball.distance * (1 / self._canvas.pixel), 0.0, 1.0)
        left, top, front = self._surface(ball)
        skin, hair = self._skin, self._body.hair
        dark = tuple(0.30 * channel for channel in skin)
        lips = (0.72 * skin[0], 0.50 * skin[1], 0.48 * skin[2])
        shown = np.clip(front * 4.0, 0.0, 1.0)
        eyes = shown * _spot(np.abs(left) - 0.37, top - 0.04, 0.17, 0.10)
        brows = shown * _spot(np.abs(left) - 0.37, top - 0.24, 0.24, 0.06)
        mouth = shown * _spot(left, top + 0.50, 0.28, 0.08)
        nose = 0.35 * shown * _spot(left, top + 0.20, 0.12, 0.10)
        layers = [(skin, 1.0), (dark, nose), (dark, 0.9 * eyes), (hair, 0.6 * brows), (lips, 0.8 * mouth)]
        self._shader.paint(ball, [*layers, (hair, self._hair_on(left, top, front))], shade=0.15)

    def _surface(self, ball: Patch) -> tuple[Plane, Plane, Plane]:
        """Directions of the surface in the head's own axes: left, up, forward, -1..1."""
        rise, fall = math.cos(self._view.pitch), math.sin(self._view.pitch)
        sine, cosine = math.sin(self._face.yaw), math.cos(self._face.yaw)
        top = ball.along * rise + ball.facing * fall
        depth = ball.facing * rise - ball.along * fall
        return ball.across * cosine - depth * sine, top, ball.across * sine + depth * cosine

    def _hair_on(self, left: Plane, top: Plane, front: Plane) -> Plane | float:
        style = self._body.hair_style
        if style == "bald":
            return 0.0
        crown = top - 0.50 - 0.12 * front
        low = -0.35 if style in ("short", "ponytail", "bun") else -1.2
        back = np.minimum(-front - 0.02, top - low)
        hair = np.maximum(crown, back)
        if style in ("bob", "long"):
            hair = np.maximum(hair, np.abs(left) - 0.70)
        elif style == "short":
            hair = np.maximum(hair, np.minimum(np.abs(left) - 0.82, top - 0.05))
        return np.clip(hair * 7.0 + 0.5, 0.0, 1.0)


def _spot(across: Plane, up: Plane, wide: float, high: float) -> Plane:
    """A soft spot: 1 in the middle, 0 beyond its half axes."""
    across, up = across * (1 / wide), up * (1 / high)
    return np.clip(1.4 - across * across - up * up, 0.0, 1.0)
