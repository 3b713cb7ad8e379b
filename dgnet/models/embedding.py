"""Images -> features for ranking, of unit length.

Whether the embedding of the mirror image is added before normalizing is the network's: by default each is tested as
its publication does. DG-Net adds it, and so do its teachers here; which heads do is written beside their list
(`dgnet.models.registry`).
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from dgnet.core import pixels
from dgnet.data.cache import ImageCache
from dgnet.models.appearance import AppearanceEncoder
from dgnet.models.frozen import evaluating
from dgnet.models.reid_model import ReIDModel
from dgnet.models.teacher import Teacher

Embed = Callable[[Tensor], Tensor]


def appearance_embedding(encoder: AppearanceEncoder, alpha: float = 0.5, mirrored: bool = True) -> Embed:
    """DG-Net's embedding `[batch, 1024]`: primary half and `alpha` times the fine half, each of unit length.

    `alpha` 0 asks the primary head alone, infinity (`float("inf")`) the fine head alone.
    """

    def embed(images: Tensor) -> Tensor:
        seen = [encoder(images), encoder(images.flip(3))] if mirrored else [encoder(images)]
        primary = F.normalize(torch.stack([view.primary.embedding for view in seen]).sum(0))
        fine = F.normalize(torch.stack([view.fine.embedding for view in seen]).sum(0))
        if alpha == float("inf"):
            return fine
        return torch.cat([primary, alpha * fine], dim=1)

    return embed


def teacher_embedding(teacher: Teacher, mirrored: bool = True) -> Embed:
    """The classifier's 512 numbers."""
    return _seen(lambda images: teacher(images).embedding, mirrored)


def model_embedding(head: ReIDModel, mirrored: bool) -> Embed:
    """A head's embedding."""
    return _seen(head.embed, mirrored)


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
            images = pixels.normalize(cache.gather(indices, height, width).to(device))
            features.append(embed(images).float().cpu())
    return torch.cat(features) if features else torch.zeros(0, 0)


def _seen(embed: Embed, mirrored: bool) -> Embed:
    if mirrored:
        return lambda images: F.normalize(embed(images) + embed(images.flip(3)))
    return lambda images: F.normalize(embed(images))
