"""Batch-hard mining (Hermans et al. 2017): for each image the farthest of its identity and the nearest of any other."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor


class Hardest(NamedTuple):
    """Per image Euclidean distances `[batch]`: the largest `positive`, the smallest `negative` (infinite if none).

    An image is a positive of itself at distance 0, so one that is alone of its identity has 0 there.
    """

    positive: Tensor
    negative: Tensor


def hardest_distances(features: Float[Tensor, "batch feature"], labels: Int64[Tensor, "batch"]) -> Hardest:
    """Distances of the hardest pairs of a batch of at least one image, in float32 at least.

    Identities may have any number of images. Distances are sums of squared differences, not by way of products: those
    lose close pairs to rounding.
    """
    features = features if features.dtype.itemsize >= 4 else features.float()
    distances = torch.cdist(features, features, compute_mode="donot_use_mm_for_euclid_dist")
    same = labels[:, None] == labels[None, :]
    positive = distances.masked_fill(~same, 0).amax(1)
    return Hardest(positive, distances.masked_fill(same, torch.inf).amin(1))
