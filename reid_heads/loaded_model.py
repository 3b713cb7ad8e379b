"""A trained network that embeds uint8 images of any size, given as arrays or files."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from dgnet.core import pixels
from dgnet.core.errors import UserError, check_count
from dgnet.core.image_arrays import Array, array_like, as_image_tensor, listed_files, warn_of_lying_images
from dgnet.core.images import read_image
from dgnet.core.machine import usable_cores
from dgnet.models.embedding import Embed
from dgnet.models.frozen import evaluating

_BATCH = 64


@dataclass(frozen=True)
class LoadedModel:
    """A network that embeds people, in evaluation mode (`reid_heads.load_model` reads one).

    Attributes:
        name: stands with every result: model, run and file, and the first digits of the file's SHA-256.
        network: the module; takes normalized images (`dgnet.core.pixels`).
        embedding: normalized images -> features of unit length, by `network`.
        identities: the training identities in the order of the logits; empty where the file does not tell them.
        height, width: of the images that it was trained on, in pixels; others are resized (antialiased bicubic).
        mirrored: whether the embedding of the mirror image is added.
        path: the file that it was read from.
    """

    name: str
    network: nn.Module
    embedding: Embed
    identities: tuple[int, ...]
    height: int
    width: int
    mirrored: bool
    path: Path | None = None

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    @property
    def weights(self) -> Path:
        """The file of its weights. `UserError` for a model that was not read from a file."""
        if self.path is None:
            raise UserError(f"{self.name} was not read from a file")
        return self.path

    @torch.no_grad()
    def __call__(self, images: UInt8[Tensor, "image 3 _h _w"]) -> Float[Tensor, "image feature"]:
        """Features of unit length, on the network's device, for one batch of images."""
        normalized = pixels.normalize(pixels.resize(images, self.height, self.width).to(self.device))
        with evaluating(self.network):
            return self.embedding(normalized)

    def embed(self, images: Array | Sequence[str | Path], *, batch: int = _BATCH) -> Array:
        """Features `[image, feature]`, float32: compare them by cosine or Euclidean distance.

        They have unit length, but for DG-Net's appearance encoder: two parts of length 1 and 0.5 (its alpha), as in the
        official test.

        Args:
            images: uint8, at least one, of any size: NumPy `[image, height, width, 3]` (NumPy comes back) or torch
                `[image, 3, height, width]` (torch comes back, on the same device); or files (NumPy comes back). They
                are resized, arrays that lie on their side with a warning.
            batch: images at a time; changes no feature.

        Raises:
            UserError: other arrays, or a file that is no image.
        """
        check_count("batch", batch)
        if not isinstance(images, (np.ndarray, Tensor)):
            return self._embed_files(listed_files("images", images), batch)
        tensor = as_image_tensor(images, "images")
        warn_of_lying_images(tensor, self.height, self.width)
        features = [self(part).float() for part in tensor.split(batch)]
        return array_like(torch.cat(features), images)

    def embed_crops(self, crops: Sequence[UInt8[np.ndarray, "_h _w 3"]]) -> np.ndarray:
        """As `embed`, for images that have sizes of their own, such as people cut out of a frame."""
        resized = [pixels.resize(as_image_tensor(crop[None], "crops"), self.height, self.width) for crop in crops]
        return np.asarray(torch.as_tensor(self.embed(torch.cat(resized))).cpu())

    def _embed_files(self, files: Sequence[Path], batch: int) -> np.ndarray:
        if not files:
            raise UserError("images must be at least one image, got an empty list")

        def read(file: Path) -> Tensor:
            return pixels.resize(read_image(file)[None], self.height, self.width)

        parts = [files[start : start + batch] for start in range(0, len(files), batch)]
        with ThreadPoolExecutor(usable_cores()) as pool:
            features = [self(torch.cat(list(pool.map(read, part)))).float().cpu() for part in parts]
        return torch.cat(features).numpy()
