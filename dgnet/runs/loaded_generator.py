"""A trained generator with what its run knows of it: swaps, codes and embeddings of uint8 images of any size."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from dgnet.config import Config
from dgnet.core import pixels
from dgnet.core.errors import UserError
from dgnet.core.image_arrays import Array, array_like, as_image_tensor, image_array_like, warn_of_lying_images
from dgnet.models.embedding import appearance_embedding
from dgnet.models.frozen import evaluating
from dgnet.models.generator import Generator
from dgnet.models.swap import appearance_codes, structure_codes, swap_all, swap_images

_BATCH = 32


@dataclass(frozen=True)
class LoadedGenerator:
    """A generator in evaluation mode (`dgnet.load_generator` reads one).

    Images are uint8, at least one, of any size: NumPy `[image, height, width, 3]` or torch `[image, 3, height, width]`;
    they are resized (antialiased bicubic) to the generator's size, with a warning where they lie on their side. What
    comes back is of the same kind. Anything else, as images of 0 to 1, is a `UserError` that names the argument.

    Attributes:
        network: takes and gives normalized images (`dgnet.core.pixels`).
        identities: the training identities in the order of the classes; empty where they are not known, as in the
            official release.
        iteration: how many iterations it was trained for.
        name: of its run.
        files: that it was read from: one checkpoint, or `gen_`, `id_` and `dis_` of the official release.
        names: what the data set calls the identities; empty where that is not known.
        content: a hash of the images it was trained on (`dgnet.runs.resume.images_content`), likewise.
    """

    network: Generator
    config: Config
    identities: tuple[int, ...]
    iteration: int
    name: str = ""
    files: tuple[Path, ...] = ()
    names: tuple[str, ...] = ()
    content: str = ""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of what is generated, in pixels."""
        return self.config.data.height, self.config.data.width

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    def swap(self, appearances: Array, structures: Array) -> Array:
        """Image i has the appearance of `appearances[i]` (clothes) and the structure of `structures[i]` (pose, body,
        background), at the generator's size.

        Raises:
            UserError: arguments of different numbers or kinds, or no images.

        >>> import numpy as np
        >>> from dgnet import load_generator
        >>> generator = load_generator("outputs/market")
        >>> images = np.zeros((4, 128, 64, 3), np.uint8)
        >>> generator.swap(appearances=images[:2], structures=images[2:]).dtype
        dtype('uint8')
        """
        first, second = as_image_tensor(appearances, "appearances"), as_image_tensor(structures, "structures")
        if len(first) != len(second) or isinstance(appearances, Tensor) != isinstance(structures, Tensor):
            described = (f"{type(images).__name__} of {len(images)} images" for images in (appearances, structures))
            raise UserError(f"appearances and structures must agree in kind and number, got {' and '.join(described)}")
        batches = zip(first.split(_BATCH), second.split(_BATCH), strict=True)
        swapped = [swap_images(self.network, *map(self._at_size, batch)) for batch in batches]
        return image_array_like(torch.cat(swapped), appearances)

    def swap_all(self, appearances: Array, structures: Array) -> Array:
        """Every appearance with every structure, `[appearance, structure, ...]`; each image is encoded once.

        `UserError` as in `swap`, but the numbers may differ.
        """
        first, second = as_image_tensor(appearances, "appearances"), as_image_tensor(structures, "structures")
        swapped = swap_all(self.network, self._at_size(first), self._at_size(second))
        return image_array_like(swapped, appearances)

    def appearance_codes(self, images: Array) -> Array:
        """`[image, code]`, float32."""
        return self._per_batch(images, lambda batch: appearance_codes(self.network, batch))

    def structure_codes(self, images: Array) -> Array:
        """`[image, code, height / 4, width / 4]`, float32."""
        return self._per_batch(images, lambda batch: structure_codes(self.network, batch))

    def embed(self, images: Array, alpha: float | int = 0.5) -> Array:
        """Features for ranking by cosine or Euclidean distance, `[image, feature]`, float32.

        The features of each image and its mirror image are added. `alpha` is the weight of the fine-grained half
        (`dgnet.models.embedding.appearance_embedding`).
        """
        embedding = appearance_embedding(self.network.appearance, float(alpha))

        def embed(batch: Tensor) -> Tensor:
            with torch.no_grad(), evaluating(self.network):
                return embedding(pixels.normalize(batch.to(self.device)))

        return self._per_batch(images, embed)

    def _per_batch(self, images: Array, function: Callable[[Tensor], Tensor]) -> Array:
        batches = as_image_tensor(images, "images").split(_BATCH)
        return array_like(torch.cat([function(self._at_size(batch)).float() for batch in batches]), images)

    def _at_size(self, images: Tensor) -> Tensor:
        warn_of_lying_images(images, *self.size)
        return pixels.resize(images, *self.size)
