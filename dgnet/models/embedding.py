"""Images -> features for ranking, of unit length.

The embedding of the mirror image is added before normalizing where the network's publication does so: DG-Net's does,
for re-ID models see `ReIDModel.adds_mirror_image`.
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

Embed = Callable[[Tensor], Tensor]


def appearance_embedding(encoder: AppearanceEncoder, alpha: float = 0.5, mirrored: bool = True) -> Embed:
    """DG-Net's embedding `[batch, 1024]`: the primary half and `alpha` times the fine-grained half.

    Each half has unit length. With `alpha` 0 only the primary half counts, with infinity (`float("inf")`) only the
    fine-grained half.
    """

    def embed(images: Tensor) -> Tensor:
        views = [encoder(images), encoder(images.flip(3))] if mirrored else [encoder(images)]
        primary = F.normalize(torch.stack([view.primary.embedding for view in views]).sum(0))
        fine = F.normalize(torch.stack([view.fine.embedding for view in views]).sum(0))
        if alpha == float("inf"):
            return fine
        return torch.cat([primary, alpha * fine], dim=1)

    return embed


def model_embedding(model: ReIDModel, mirrored: bool) -> Embed:
    """The embedding of a re-ID model `[batch, embedding_size]`, of unit length; `mirrored` adds the mirror image's."""
    if mirrored:
        return lambda images: F.normalize(model.embed(images) + model.embed(images.flip(3)))
    return lambda images: F.normalize(model.embed(images))


@torch.no_grad()
def extract(
    cache: ImageCache, network: nn.Module, embed: Embed, height: int, width: int, *, batch_size: int = 64
) -> Float[Tensor, "image feature"]:
    """Features of all images of a cache, float32, on the CPU. `embed` calls `network`, which keeps its modes."""
    device = next(network.parameters()).device
    features = []
    with evaluating(network):
        for start in range(0, len(cache), batch_size):
            indices = torch.arange(start, min(start + batch_size, len(cache)))
            images = pixels.normalize(cache.gather(indices, height, width).to(device))
            features.append(embed(images).float().cpu())
    return torch.cat(features) if features else torch.zeros(0, 0)
