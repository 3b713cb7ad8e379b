"""Images -> features for ranking, of unit length.

`LoadedGenerator.embed` and `reid_heads.LoadedModel` apply these to uint8 images, `eval.extractor` to files.

The embedding of the mirror image is added before normalizing where the network's publication does so: DG-Net's does,
for re-ID models see `ReIDModel.adds_mirror_image`.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from dgnet.core.errors import UserError
from dgnet.models.appearance import AppearanceEncoder
from dgnet.models.reid_model import ReIDModel

Embed = Callable[[Tensor], Tensor]


def appearance_embedding(encoder: AppearanceEncoder, alpha: float = 0.5, mirrored: bool = True) -> Embed:
    """DG-Net's embedding `[batch, 1024]`: the primary half and `alpha` times the fine-grained half.

    Each half has unit length. With `alpha` 0 only the primary half counts, with infinity (`float("inf")`) only the
    fine-grained half. `UserError` for an `alpha` below 0 or NaN.
    """
    if not alpha >= 0:
        raise UserError(f"alpha must be a weight of at least 0, got {alpha}")

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
