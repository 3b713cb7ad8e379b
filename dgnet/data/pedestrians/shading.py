"""Light on a patch: wrapped Lambert plus ambient, darker towards the outline, with the folds of cloth."""

import math
from collections.abc import Sequence

import numpy as np

from dgnet.data.pedestrians.cameras import Light
from dgnet.data.pedestrians.canvas import Canvas, Patch, Plane

_WRAP = 0.35  # light reaches this far round the edge: the sky is no lamp


class Shader:
    """Paints patches of a canvas under one light. `folds` [height, width], 0..1: where cloth creases."""

    def __init__(self, canvas: Canvas, light: Light, folds: Plane) -> None:
        self.canvas = canvas
        self._light = light
        self._folds = folds
        level = math.cos(light.elevation)
        self._direction = (
            level * math.sin(light.azimuth),
            math.sin(light.elevation),
            0.15 + level * max(0.0, math.cos(light.azimuth)),
        )

    def light_on(self, patch: Patch, folds: float) -> Plane:
        """Brightness of each pixel of the patch, about 0.4 .. 1.2."""
        x, y, z = self._direction
        lit = patch.normal_x * x + patch.normal_y * y + patch.facing * z
        lit = np.clip((lit + _WRAP) * (1 / (1 + _WRAP)), 0.0, 1.0)
        value = (self._light.ambient + self._light.diffuse * lit) * (0.80 + 0.20 * patch.facing)
        if folds:
            value = value * (1.0 + folds * (self._folds[patch.rows, patch.columns] - 0.5))
        return value

    def paint(
        self,
        patch: Patch,
        layers: Sequence[tuple[Sequence[float], Plane | float]],
        folds: float = 0.0,
        shade: float = 0.30,
    ) -> None:
        """Paint `(color, amount)` layers, the first below (its amount is not used), lit and shaded."""
        if patch.coverage.size == 0:
            return
        value = self.light_on(patch, folds)
        planes = []
        for channel in range(3):
            plane: Plane | float = layers[0][0][channel]
            for color, amount in layers[1:]:
                plane = plane + amount * (color[channel] - plane)
            planes.append(value * plane)
        self.canvas.paint(patch, planes, shade)
