"""A generator as evaluations see it: pairs of images in, generated images out."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from torch import Tensor

from eval.datasets import ImageRecord


class GeneratedBatch(Protocol):
    """Generated images `[image, 3, height, width]` uint8, and the positions of their pairs."""

    @property
    def positions(self) -> Sequence[int]: ...

    @property
    def images(self) -> Tensor: ...


# Records and pairs (index of the appearance, index of the structure) among them -> the generated images in batches.
Generate = Callable[[Sequence[ImageRecord], Sequence[tuple[int, int]]], Iterable[GeneratedBatch]]
