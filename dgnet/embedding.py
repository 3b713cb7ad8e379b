"""Images -> features for ranking, as the original tests: image and mirrored image added, then normalised."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from dgnet import pixels
from dgnet.data.cache import ImageCache
from dgnet.models.appearance import AppearanceEncoder
from dgnet.models.frozen import evaluating
from dgnet.models.head import Head
from dgnet.models.teacher import Teacher

Embed = Callable[[Tensor], Tensor]


def appearance_embedding(encoder: AppearanceEncoder, alpha: float = 0.5) -> Embed:
    """DG-Net's embedding `[batch, 1024]`: primary half and `alpha` times the fine half, each of unit length.

    `alpha` 0 asks the primary head alone, infinity (`float("inf")`) the fine head alone.
    """

    def embed(images: Tensor) -> Tensor:
        plain, mirrored = encoder(images), encoder(images.flip(3))
        primary = F.normalize(plain.primary.embedding + mirrored.primary.embedding)
        fine = F.normalize(plain.fine.embedding + mirrored.fine.embedding)
        if alpha == float("inf"):
            return fine
        return torch.cat([primary, alpha * fine], dim=1)

    return embed


def teacher_embedding(teacher: Teacher) -> Embed:
    """The classifier's 512 numbers of image and mirrored image, added and of unit length."""
    return lambda images: F.normalize(teacher(images).embedding + teacher(images.flip(3)).embedding)


def head_embedding(head: Head, mirrored: bool = True) -> Embed:
    """A head's embedding, of unit length; `mirrored` adds that of the mirror image first, as MGN is tested."""
    if mirrored:
        return lambda images: F.normalize(head.embed(images) + head.embed(images.flip(3)))
    return lambda images: F.normalize(head.embed(images))


@torch.no_grad()
def extract(
    cache: ImageCache, network: nn.Module, embed: Embed, height: int, width: int, *, batch_size: int = 64
) -> Float[Tensor, "image feature"]:
    """Features of all images of a cache, float32, on the CPU. `network` is what `embed` calls; it keeps its modes."""
    device = next(network.parameters()).device
    features = []
    with evaluating(network):
        for start in range(0, len(cache), batch_size):
            indices = torch.arange(start, min(start + batch_size, len(cache)))
            images = pixels.normalise(cache.gather(indices, height, width).to(device))
            features.append(embed(images).float().cpu())
    return torch.cat(features) if features else torch.zeros(0, 0)
