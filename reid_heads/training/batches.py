"""Training batches of a re-ID model: P x K real images, augmented, and the generated images of the batch."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Bool, Int64, UInt8
from torch import Tensor

from dgnet.core.errors import UserError
from dgnet.core.random_draws import rng
from dgnet.data.cache import ImageCache
from dgnet.data.transforms import crop_padded, draw_erasing, mirror, rectangle_mask
from reid_heads.config import ReIDDataConfig
from reid_heads.generated.sources import GeneratedImages, GeneratedSource, StoredImages
from reid_heads.training.sampler import IdentitySampler


@dataclass(frozen=True)
class Augmented:
    """Images flipped, padded and cropped; `erased` is True where random erasing puts the ImageNet mean, which is 0 in
    a normalized image."""

    images: UInt8[Tensor, "batch 3 height width"]
    erased: Bool[Tensor, "batch 1 height width"]


@dataclass(frozen=True)
class ReIDBatch:
    """The real images of one process, `labels` their classes, and what generated images need.

    `generated` are stored generated images; `clean_images` the real images without augmentation, for a generator that
    swaps them (None where there is none).
    """

    real: Augmented
    labels: Int64[Tensor, "batch"]
    generated: GeneratedImages | None = None
    clean_images: UInt8[Tensor, "image 3 height width"] | None = None

    def to(self, device: torch.device | str, non_blocking: bool = True) -> "ReIDBatch":
        """The batch with its real images on `device`; the others stay until they are augmented."""
        real = Augmented(
            self.real.images.to(device, non_blocking=non_blocking),
            self.real.erased.to(device, non_blocking=non_blocking),
        )
        return replace(self, real=real)

    def pin_memory(self) -> "ReIDBatch":
        """The batch with its real images and their labels in page-locked memory."""
        real = Augmented(self.real.images.pin_memory(), self.real.erased.pin_memory())
        return replace(self, real=real, labels=self.labels.pin_memory())


class Augmentation:
    """Flip, pad, crop and random erasing by `config`: pure functions of (seed, stream, index).

    The draws are those of `total` images, of which a process takes its `share`: two processes of half a batch see what
    one process of the whole sees.
    """

    def __init__(self, config: ReIDDataConfig, seed: int) -> None:
        if not config.pad < min(config.height, config.width):
            raise UserError(
                f"data.pad must be smaller than the {config.height}x{config.width} image, and it is {config.pad}"
            )
        self.config, self.seed = config, seed

    def __call__(
        self, images: UInt8[Tensor, "batch 3 height width"], stream: str, index: int, total: int, share: slice
    ) -> Augmented:
        """The images of `share` out of `total`, augmented."""
        config = self.config
        uniform = rng(self.seed, f"crop and flip of {stream}", index).random((3, total))[:, share]
        tops, lefts = torch.from_numpy((uniform[1:] * (2 * config.pad + 1)).astype(np.int64))
        flipped = mirror(images, torch.from_numpy(uniform[0] < config.flip))
        random = rng(self.seed, f"erasing of {stream}", index)
        rectangles = draw_erasing(random, total, config.height, config.width, config.erasing)[share]
        return Augmented(
            crop_padded(flipped, tops, lefts, config.pad, config.border),
            rectangle_mask(rectangles, config.height, config.width),
        )


class ReIDSource:
    """Batches as a pure function of (seed, iteration), safe to call from several threads.

    All processes together draw one batch of P x K times their number; process `rank` takes its identities.

    Args:
        labels: the class of each image of `cache`.
        generated: a stored set gives its images to the batch; a live generator gets the batch's clean images.
        generated_images: how many of them the batch of one process has, from `generated_from_epoch` (from 0) on.
    """

    def __init__(
        self,
        cache: ImageCache,
        labels: Int64[Tensor, "image"],
        config: ReIDDataConfig,
        seed: int,
        *,
        generated: GeneratedSource | None = None,
        generated_images: int = 0,
        generated_from_epoch: int = 0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.cache, self.labels, self.config, self.seed = cache, labels.numpy(), config, seed
        people, images = config.identities * world_size, config.images_per_identity
        self.sampler = IdentitySampler(self.labels, people, images, seed, config.epoch_mode)
        self.augmentation = Augmentation(config, seed)
        self.rank, self.world_size = rank, world_size
        self.local = config.identities * images
        self.generated, self.generated_images = generated, generated_images
        self.generated_from = generated_from_epoch * self.sampler.batches_per_epoch
        self._epoch = lru_cache(maxsize=2)(self.sampler.epoch)

    @property
    def iterations_per_epoch(self) -> int:
        """Batches of one epoch."""
        return self.sampler.batches_per_epoch

    def generated_in(self, iteration: int) -> int:
        """How many generated images the batch of `iteration` (from 0) has in one process."""
        return self.generated_images if self.generated is not None and iteration >= self.generated_from else 0

    def images_in(self, iteration: int) -> int:
        """All images of the batch of `iteration`, of all processes together."""
        return (self.local + self.generated_in(iteration)) * self.world_size

    def share(self, local: int) -> slice:
        """Which of `local * world_size` places are this process's."""
        return slice(self.rank * local, (self.rank + 1) * local)

    def batch(self, iteration: int) -> ReIDBatch:
        """The batch of `iteration` (counted from 0), on the CPU."""
        epoch, step = divmod(iteration, self.iterations_per_epoch)
        chosen = self._epoch(epoch)[step, self.share(self.local)]
        height, width = self.config.height, self.config.width
        images = self.cache.gather(torch.from_numpy(chosen), height, width)
        real = self.augmentation(images, "real images", iteration, self.local * self.world_size, self.share(self.local))
        batch = ReIDBatch(real, torch.from_numpy(self.labels[chosen]))
        count = self.generated_in(iteration)
        if not count:
            return batch
        if isinstance(self.generated, StoredImages):
            labels = self.labels[chosen]
            stored = self.generated.draw(labels, count, height, width, self.seed, self._own_index(iteration))
            return replace(batch, generated=stored)
        return replace(batch, clean_images=images)

    def swapped(self, batch: ReIDBatch, iteration: int) -> GeneratedImages | None:
        """The generated images of a batch: the stored ones, or those that the live generator swaps now."""
        if batch.clean_images is None or self.generated is None or isinstance(self.generated, StoredImages):
            return batch.generated
        return self.generated.swap(
            batch.clean_images, batch.labels, self.generated_in(iteration), self.seed, self._own_index(iteration)
        )

    def augment_generated(self, generated: GeneratedImages, iteration: int) -> Augmented:
        """Generated images, augmented as real ones are, with draws of their own."""
        local = len(generated.images)
        return self.augmentation(
            generated.images, "generated images", iteration, local * self.world_size, self.share(local)
        )

    def _own_index(self, iteration: int) -> int:
        """Another number for each process and iteration."""
        return iteration * self.world_size + self.rank
