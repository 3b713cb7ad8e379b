"""A batch of the joint training as the step takes it."""

from dataclasses import dataclass

from torch import Tensor

from dgnet.core import pixels
from dgnet.data.pairs import PairBatch


@dataclass(frozen=True)
class JointBatch:
    """Normalized images by role (a, b, positive of a, positive of b); `erased` is None when random erasing is off."""

    real: Tensor  # [4, batch, 3, h, w]
    erased: Tensor | None  # the same, with blanked rectangles
    labels: Tensor  # [2, batch]

    @classmethod
    def of(cls, pairs: PairBatch, erasing: bool) -> "JointBatch":
        """Normalize a batch of the data path on its device."""
        real = pixels.normalize(pairs.images)
        return cls(real, real.masked_fill(pairs.erased, 0.0) if erasing else None, pairs.labels)

    def split(self, parts: int) -> list["JointBatch"]:
        """Equal slices along the batch, for gradient accumulation."""
        erased = [None] * parts if self.erased is None else self.erased.chunk(parts, 1)
        return [
            JointBatch(*slices)
            for slices in zip(self.real.chunk(parts, 1), erased, self.labels.chunk(parts, 1), strict=True)
        ]
