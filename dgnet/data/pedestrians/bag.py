"""Bags: a box on the back or at the side of the hip."""

import numpy as np

from dgnet.data.pedestrians.shading import Shader
from dgnet.data.pedestrians.skeleton import Skeleton, View
from dgnet.data.pedestrians.structure import Structure


class BagPainter:
    """The bag of one person; straps belong to the torso they lie on. `depth`: of its middle, towards the camera."""

    def __init__(self, shader: Shader, structure: Structure, skeleton: Skeleton, view: View) -> None:
        self._shader, self._view, self._bag = shader, view, structure.bag
        build, size = structure.body.build, structure.bag.size
        if self._bag.kind == "backpack":
            x, y, z = skeleton.spine(0.685)
            self._middle = (x, y, z - 0.075 * build - 0.045 * size)
            self._half = (0.088 * size, 0.108 * size, 0.052 * size)
        else:
            self._middle = (self._bag.side * (0.108 * build + 0.035), 0.515, 0.0)
            self._half = (0.030 * size, 0.058 * size, 0.080 * size)

    @property
    def depth(self) -> float:
        return self._view.depth(self._middle)

    def paint(self) -> None:
        """The bag's body with a darker pocket line; nothing where there is no bag."""
        if self._bag.kind == "none":
            return
        x, y, _ = self._view(self._middle)
        wide, _ = self._view.extent(self._half[0], self._half[2])
        part = self._shader.canvas.slab((x, y), wide, self._half[1], 0.45 * min(wide, self._half[1]))
        dark = tuple(0.55 * channel for channel in self._bag.color)
        seam = 0.8 * np.clip((0.09 - np.abs(part.along + 0.10)) * 16.0 + 0.5, 0.0, 1.0)
        self._shader.paint(part, ((self._bag.color, 1.0), (dark, seam)), folds=0.15, shade=0.4)
