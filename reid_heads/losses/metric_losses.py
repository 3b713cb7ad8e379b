"""The losses on distances between images of a batch, by the names that `loss.terms` knows."""

from collections.abc import Callable

from torch import Tensor

from reid_heads.losses.msml import margin_sample_mining_loss
from reid_heads.losses.triplet import soft_margin_triplet_loss, triplet_loss

# Features [image, feature], labels [image] and the margin -> a scalar. Each compares images of one person with others.
MetricLoss = Callable[[Tensor, Tensor, float], Tensor]

METRIC_LOSSES: dict[str, MetricLoss] = {
    "Triplet": triplet_loss,
    "SoftTriplet": lambda features, labels, _: soft_margin_triplet_loss(features, labels),
    "MSMLoss": margin_sample_mining_loss,
}
