"""Batch-hard triplet loss (Hermans et al. 2017), with a margin or a soft one."""

import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from reid_heads.losses.hard_mining import hardest_distances


def triplet_loss(
    features: Float[Tensor, "batch feature"], labels: Int64[Tensor, "batch"], margin: float
) -> Float[Tensor, ""]:
    """Mean over images of max(0, hardest positive - hardest negative + margin).

    An image that is alone of its identity still pushes the nearest other identity away (its positive distance is 0); a
    batch of one identity gives 0.
    """
    positive, negative = hardest_distances(features, labels)
    return F.relu(positive - negative + margin).mean()


def soft_margin_triplet_loss(
    features: Float[Tensor, "batch feature"], labels: Int64[Tensor, "batch"]
) -> Float[Tensor, ""]:
    """Mean over images of log(1 + exp(hardest positive - hardest negative)): no margin to choose, never quite 0."""
    positive, negative = hardest_distances(features, labels)
    return F.softplus(positive - negative).mean()
