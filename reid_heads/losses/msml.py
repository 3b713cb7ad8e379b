"""Margin sample mining loss (Xiao et al. 2017): of the whole batch only the hardest pair of each kind."""

import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from reid_heads.losses.hard_mining import hardest_distances


def margin_sample_mining_loss(
    features: Float[Tensor, "batch feature"], labels: Int64[Tensor, "batch"], margin: float
) -> Float[Tensor, ""]:
    """max(0, largest distance within an identity - smallest distance between identities + margin).

    The two pairs need not share an image. A batch of one identity gives 0.
    """
    positive, negative = hardest_distances(features, labels)
    return F.relu(positive.max() - negative.min() + margin)
