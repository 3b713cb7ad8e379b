"""Anti-aliased primitives on a canvas measured in body heights, y up: limbs, turned bodies, balls, boxes.

Each primitive evaluates a signed distance inside its bounding box only and returns a `Patch`: coverage, the way the
surface faces, and where on the garment a pixel lies. Only + - * / sqrt min max touch pixels, which IEEE 754 rounds in
one way everywhere: the same picture on every machine.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.floating]  # float32 throughout
Profile = Callable[[Plane], tuple[Plane, Plane, Plane]]  # heights -> middle, half width, half depth

_SHADE_REACH = 0.030  # how far a part darkens what lies behind it, body heights


@dataclass
class Patch:
    """A part on its box of the canvas. All planes [rows, columns].

    `distance`: to the outline, negative inside; `coverage` 0..1; `across` -1 (left outline) .. 1 (right); `facing`,
    `normal_x`, `normal_y`: the surface's normal, towards the camera, right and up; `along`: length along a limb from
    its start, or height of the surface point. Lengths in body heights.
    """

    rows: slice
    columns: slice
    distance: Plane
    coverage: Plane
    across: Plane
    facing: Plane
    normal_x: Plane
    normal_y: Plane
    along: Plane

    def cut(self, keep: Plane, pixel: float) -> None:
        """Remove what lies beyond an edge: `keep` is the signed distance to it, positive where the part stays."""
        self.coverage *= np.clip(keep / pixel + 0.5, 0.0, 1.0)


class Canvas:
    """Color planes and the outline of the person; `x` [width] and `y` [height] are pixel centers in body heights."""

    def __init__(self, background: Plane, x: Plane, y: Plane) -> None:
        self.image = background
        self.person = np.zeros(background.shape[1:], np.float32)
        self.x, self.y = x, y
        self.pixel = float(y[0] - y[1])
        self._step = float(x[1] - x[0])

    def box(self, left: float, right: float, low: float, high: float) -> tuple[slice, slice]:
        """Rows and columns that a box touches, with room for soft edges and the shade around them."""
        room = _SHADE_REACH + 2 * self.pixel
        first = (left - room - float(self.x[0])) / self._step
        last = (right + room - float(self.x[0])) / self._step
        top = (float(self.y[0]) - high - room) / self.pixel
        bottom = (float(self.y[0]) - low + room) / self.pixel
        return _span(top, bottom, self.y.size), _span(first, last, self.x.size)

    def paint(self, patch: Patch, color: Sequence[Plane | float], shade: float = 0.30) -> None:
        """Lay the patch over the canvas after darkening the person behind its edge by `shade`.

        `color`: three planes or numbers, 0..1 and a little beyond.
        """
        if patch.coverage.size == 0:
            return
        under = self.person[patch.rows, patch.columns]
        near = np.clip(1.0 - patch.distance / _SHADE_REACH, 0.0, 1.0)
        dim = 1.0 - shade * near * near * under
        rest = 1.0 - patch.coverage
        for plane, value in zip(self.image, color, strict=True):
            area = plane[patch.rows, patch.columns]
            area *= dim * rest
            area += patch.coverage * value
        under += patch.coverage * (1.0 - under)

    def limb(self, points: Sequence[tuple[float, float, float]], radii: Sequence[float]) -> Patch:
        """A chain of tapering capsules through view points (x, y, depth), one radius at each point."""
        widest = max(radii)
        rows, columns = self.box(
            min(point[0] for point in points) - widest, max(point[0] for point in points) + widest,
            min(point[1] for point in points) - widest, max(point[1] for point in points) + widest,
        )  # fmt: skip
        x, y = self.x[None, columns], self.y[rows, None]
        best: tuple[Plane, ...] | None = None
        walked = 0.0
        for (start, end), (thick, thin) in zip(
            zip(points, points[1:], strict=False), zip(radii, radii[1:], strict=False), strict=True
        ):
            dx, dy, dz = (two - one for one, two in zip(start, end, strict=True))
            flat = max(math.sqrt(dx * dx + dy * dy), 1e-4)
            length = math.sqrt(flat * flat + dz * dz)
            ax, ay = dx / flat, dy / flat
            px, py = x - start[0], y - start[1]
            raw = px * ax + py * ay
            part = np.clip(raw * (1 / flat), 0.0, 1.0)
            qx, qy = px - part * dx, py - part * dy
            radius = thick + (thin - thick) * part
            gap = np.sqrt(qx * qx + qy * qy)
            inverse = 1.0 / radius
            nx, ny = qx * inverse, qy * inverse
            facing = np.sqrt(np.clip(1.0 - (gap * inverse) ** 2, 0.0, 1.0))
            # Rings around a limb that points at the camera look round: the front of a ring is moved along the limb.
            along = walked + (raw + radius * (dz / length) * facing) * (length / max(flat, 0.3 * length))
            segment = (gap - radius, ny * ax - nx * ay, facing, nx, ny, along)
            if best is None:
                best = segment
            else:
                nearer = segment[0] < best[0]
                best = tuple(np.where(nearer, new, old) for new, old in zip(segment, best, strict=True))
            walked += length
        assert best is not None
        return self._patch(rows, columns, *best)

    def turned(self, profile: Profile, low: float, high: float, widest: float, fall: float) -> Patch:
        """An upright body of elliptic section. `profile` maps heights to its middle, half width and half depth as seen.

        `low`, `high`: its ends, body heights; `widest`: the largest distance of its outline from x = 0; `fall`: sine of
        the camera's pitch. `along` is the height of the surface point: rings bend as they do seen from above.
        """
        rows, columns = self.box(-widest, widest, low - 0.5 * fall, high)
        x, y = self.x[None, columns], self.y[rows, None]
        if x.size == 0 or y.size == 0:
            empty = np.zeros((y.size, x.size), np.float32)
            return self._patch(rows, columns, empty, empty, empty, empty, empty, empty)
        rise = math.sqrt(1.0 - fall * fall)
        height = y * (1 / rise)
        middle, half, deep = profile(height)
        middle_above, half_above, _ = profile(height + 0.01)
        slope, tilt = (half_above - half) * 100.0, (middle_above - middle) * 100.0
        offset = x - middle
        across = np.clip(offset / half, -1.0, 1.0)
        facing = np.sqrt(1.0 - across * across)
        side = np.abs(slope) + np.abs(tilt)
        distance = (np.abs(offset) - half) / np.sqrt(1.0 + side * side)
        along = height + (fall / rise) * deep * facing
        up = -0.35 * slope * np.ones_like(across)
        patch = self._patch(rows, columns, distance, across, facing, across, up, along)
        patch.cut(along - low, self.pixel)
        patch.cut(high - height, self.pixel)
        beyond = np.maximum(low - along, height - high)
        patch.distance = np.maximum(patch.distance, beyond)
        return patch

    def ball(self, center: tuple[float, float], half_width: float, half_height: float) -> Patch:
        """An ellipsoid; `along` is the height above its middle, -1..1."""
        rows, columns = self.box(
            center[0] - half_width, center[0] + half_width, center[1] - half_height, center[1] + half_height
        )
        px, py = (self.x[None, columns] - center[0]) / half_width, (self.y[rows, None] - center[1]) / half_height
        reach = np.sqrt(px * px + py * py)
        distance = (reach - 1.0) * min(half_width, half_height)
        facing = np.sqrt(np.clip(1.0 - reach * reach, 0.0, 1.0))
        wide = np.ones_like(reach)
        return self._patch(rows, columns, distance, px * wide, facing, px * wide, py * wide, py * wide)

    def slab(self, center: tuple[float, float], half_width: float, half_height: float, corner: float) -> Patch:
        """A box with rounded corners and softly rounded sides; `along` is the height above its middle, -1..1."""
        rows, columns = self.box(
            center[0] - half_width, center[0] + half_width, center[1] - half_height, center[1] + half_height
        )
        px, py = self.x[None, columns] - center[0], self.y[rows, None] - center[1]
        qx, qy = np.abs(px) - (half_width - corner), np.abs(py) - (half_height - corner)
        outside = np.sqrt(np.maximum(qx, 0.0) ** 2 + np.maximum(qy, 0.0) ** 2)
        distance = outside + np.minimum(np.maximum(qx, qy), 0.0) - corner
        wide = np.ones_like(distance)
        nx = np.clip(px / half_width, -1.0, 1.0) * wide
        ny = np.clip(py / half_height, -1.0, 1.0) * wide
        facing = np.sqrt(np.clip(1.0 - 0.45 * (nx * nx + ny * ny), 0.0, 1.0))
        return self._patch(rows, columns, distance, nx, facing, 0.6 * nx, 0.6 * ny, ny)

    def _patch(self, rows: slice, columns: slice, distance: Plane, *planes: Plane) -> Patch:
        coverage = np.clip(0.5 - distance * (1 / self.pixel), 0.0, 1.0)
        across, facing, normal_x, normal_y, along = planes
        return Patch(rows, columns, distance, coverage, across, facing, normal_x, normal_y, along)


def _span(first: float, last: float, size: int) -> slice:
    """The whole pixels from `first` to `last` that lie within 0 .. size; empty where none does."""
    return slice(min(size, max(0, math.floor(first))), max(0, min(size, math.ceil(last) + 1)))


def knots(heights: Plane, table: Sequence[tuple[float, float]]) -> Plane:
    """A soft curve (half straight, half smoothstep) through `(height, value)` knots from the top down, flat beyond."""
    value = np.full_like(heights, table[0][1])
    for (top, one), (bottom, two) in zip(table, table[1:], strict=False):
        part = np.clip((top - heights) * (1 / (top - bottom)), 0.0, 1.0)
        value = value + (two - one) * (part * (0.5 + part * (1.5 - part)))
    return value


def turn_of(across: Plane) -> Plane:
    """arcsin(across) / (2 pi): where around a cylinder, in turns (Abramowitz & Stegun 4.4.45; error below 2e-5)."""
    size = np.abs(across)
    curve = 1.5707288 + size * (-0.2121144 + size * (0.0742610 - 0.0187293 * size))
    angle = (math.pi / 2) - np.sqrt(np.maximum(1.0 - size, 0.0)) * curve
    return np.where(across < 0, -angle, angle) * np.float32(0.5 / math.pi)
