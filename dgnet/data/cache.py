"""Every image of a split decoded once and kept in memory as uint8: Market-1501's training set takes about 320 MB."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Int64, UInt8
from torch import Tensor
from tqdm import tqdm

from dgnet.core import pixels
from dgnet.core.errors import UserError
from dgnet.core.images import read_image
from dgnet.core.machine import usable_cores
from dgnet.data.transforms import mirror


class ImageCache:
    """Decoded images in the order of `paths`, at the size of their files.

    One array when all sizes agree (then a batch is one gather and one resize), a list otherwise. The memory format is
    channels last, as decoded: resizing is fastest there.
    """

    def __init__(self, paths: Sequence[Path], workers: int | None = None) -> None:
        """Decode all `paths` on `workers` threads (default: all cores). The first broken file ends in a `UserError`."""
        self.paths = tuple(paths)
        images: list[np.ndarray] = []
        block: np.ndarray | None = None  # allocated once: stacking a list would need the memory twice
        with ThreadPoolExecutor(workers or usable_cores()) as pool:
            try:
                decoded = pool.map(_channels_last, self.paths)
                bar = tqdm(decoded, "decoding", len(self.paths), unit="image", delay=1, disable=None)
                for index, image in enumerate(bar):
                    if index == 0:
                        block = np.empty((len(self.paths), *image.shape), np.uint8)
                    if block is not None and image.shape != block.shape[1:]:
                        images = [row.copy() for row in block[:index]]
                        block = None
                    if block is not None:
                        block[index] = image
                    else:
                        images.append(image)
            except UserError:
                pool.shutdown(cancel_futures=True)
                raise
        self._images: np.ndarray | list[np.ndarray] = images if block is None else block

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def nbytes(self) -> int:
        """Memory of the decoded images in bytes."""
        return sum(image.nbytes for image in self._images)

    def image(self, index: int) -> UInt8[Tensor, "3 height width"]:
        """A copy of one image at the size of its file."""
        return torch.from_numpy(self._images[index].copy()).permute(2, 0, 1)

    def gather(
        self, indices: Int64[Tensor, "batch"], height: int, width: int, mirrored: Bool[Tensor, "batch"] | None = None
    ) -> UInt8[Tensor, "batch 3 height width"]:
        """The images at `indices`, flipped where `mirrored`, resized (antialiased bicubic); channels last in memory.

        Flipping comes first, as in the official code: at the size of the files it is cheapest.
        """
        rows = indices.numpy()
        flags = torch.zeros(len(indices), dtype=torch.bool) if mirrored is None else mirrored
        if isinstance(self._images, np.ndarray):
            return self._finish(self._images.take(rows, axis=0), flags, height, width)
        parts = [self._finish(self._images[row][None], flags[i : i + 1], height, width) for i, row in enumerate(rows)]
        return torch.cat(parts)

    @staticmethod
    def _finish(raw: np.ndarray, flags: Tensor, height: int, width: int) -> Tensor:
        images = torch.from_numpy(raw).permute(0, 3, 1, 2)
        return pixels.resize(mirror(images, flags), height, width)


def _channels_last(path: Path) -> UInt8[np.ndarray, "height width 3"]:
    return read_image(path).permute(1, 2, 0).numpy()
