"""Training batches of DG-Net: two independent images and, for each, another image of the same identity."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Int64, UInt8
from torch import Tensor

from dgnet.core.errors import UserError
from dgnet.core.random_draws import permutation, rng
from dgnet.data.cache import ImageCache
from dgnet.data.transforms import crop_padded, draw_erasing, rectangle_mask


@dataclass(frozen=True)
class PairBatch:
    """One batch. The first dimension is the role: a, b, positive of a, positive of b; for labels only a and b.

    `images` are flipped, padded and cropped; `erased` is True where random erasing blanks the copy that identity losses
    see (0 in the normalized image). `labels` are positions in `Dataset.identities`.
    """

    images: UInt8[Tensor, "4 batch 3 height width"]
    erased: Bool[Tensor, "4 batch 1 height width"]
    labels: Int64[Tensor, "2 batch"]

    def to(self, device: torch.device | str, non_blocking: bool = True) -> "PairBatch":
        """The batch on `device`."""
        return PairBatch(
            *(part.to(device, non_blocking=non_blocking) for part in (self.images, self.erased, self.labels))
        )

    def pin_memory(self) -> "PairBatch":
        """The batch in page-locked memory, from which copies to a GPU run beside its work."""
        return PairBatch(self.images.pin_memory(), self.erased.pin_memory(), self.labels.pin_memory())


class PairSource:
    """Batches as a pure function of (seed, iteration): a resume needs no state, and who asks when does not matter.

    a and b are two independently shuffled passes over the images; every epoch shuffles anew and drops its last
    incomplete batch. The batch of all processes together, `batch_size * world_size` images, is drawn first and process
    `rank` takes its contiguous share: two processes of half the batch see exactly what one process of the whole sees.
    """

    def __init__(
        self,
        cache: ImageCache,
        labels: Int64[Tensor, "image"],
        *,
        batch_size: int,
        height: int,
        width: int,
        seed: int,
        pad: int = 10,
        flip: float = 0.5,
        erasing_probability: float = 0.5,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        """`labels[i]` is the class of image i of `cache`. `flip` is a probability, `pad` in pixels, the `batch_size` of
        one process. Fewer images than one batch of all processes is a `UserError`.
        """
        self.cache, self.labels = cache, labels.numpy()
        self.height, self.width, self.pad, self.flip = height, width, pad, flip
        self.erasing_probability, self.seed = erasing_probability, seed
        self.total = batch_size * world_size
        self.share = slice(rank * batch_size, (rank + 1) * batch_size)
        if len(cache) < self.total:
            raise UserError(
                f"the training split must hold at least one batch of {self.total} images, and it holds {len(cache)}"
            )
        if not 0 <= pad < min(height, width):
            raise UserError(f"pad must be at least 0 and smaller than the {height}x{width} image, and it is {pad}")
        self.iterations_per_epoch = len(cache) // self.total
        # Images grouped by label: image i stands at place[i] in group [start, start + size) of `grouped`.
        self._grouped = np.argsort(self.labels, kind="stable")
        _, group, sizes = np.unique(self.labels, return_inverse=True, return_counts=True)
        self._size, self._start = sizes[group], (np.cumsum(sizes) - sizes)[group]
        self._place = np.empty(len(self.labels), np.int64)
        self._place[self._grouped] = np.arange(len(self.labels))
        self._order = lru_cache(maxsize=4)(self._shuffled)

    def _shuffled(self, stream: str, epoch: int) -> np.ndarray:
        return permutation(self.seed, f"order of {stream}", epoch, len(self.cache))

    def _positives(self, anchors: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        """For each anchor another image of its label by `uniform` in 0..1; itself where it is the only one."""
        size, start = self._size[anchors], self._start[anchors]
        others = np.maximum(size - 1, 1)
        positions = start + np.minimum((uniform * others).astype(np.int64), others - 1)
        positions += (positions >= self._place[anchors]) & (size > 1)
        return self._grouped[positions]

    def indices(self, iteration: int) -> Int64[np.ndarray, "4 batch"]:
        """Which images this process sees in `iteration`: rows a, b, positive of a, positive of b."""
        epoch, step = divmod(iteration, self.iterations_per_epoch)
        window = slice(step * self.total, (step + 1) * self.total)
        anchors = np.stack([self._order(stream, epoch)[window] for stream in ("a", "b")])
        uniform = rng(self.seed, "positives", iteration).random(anchors.shape)
        return np.concatenate([anchors, self._positives(anchors, uniform)])[:, self.share]

    def batch(self, iteration: int) -> PairBatch:
        """The batch of `iteration` (counted from 0), on the CPU. Safe to call from several threads."""
        indices = self.indices(iteration)
        local = indices.shape[1]
        uniform = rng(self.seed, "crop and flip", iteration).random((3, 4, self.total))
        uniform = uniform[..., self.share].reshape(3, -1)
        mirrored = torch.from_numpy(uniform[0] < self.flip)
        tops, lefts = torch.from_numpy((uniform[1:] * (2 * self.pad + 1)).astype(np.int64))
        images = self.cache.gather(torch.from_numpy(indices.reshape(-1)), self.height, self.width, mirrored)
        images = crop_padded(images, tops, lefts, self.pad)
        random = rng(self.seed, "erasing", iteration)
        rectangles = draw_erasing(random, 4 * self.total, self.height, self.width, self.erasing_probability)
        rectangles = rectangles.reshape(4, self.total, 4)[:, self.share].reshape(-1, 4)
        erased = rectangle_mask(rectangles, self.height, self.width)
        labels = torch.from_numpy(self.labels[indices[:2]])
        return PairBatch(images.unflatten(0, (4, local)), erased.unflatten(0, (4, local)), labels)
