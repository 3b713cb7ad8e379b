"""Neighbor feature centralization: each image's feature joined with those of its mutual nearest neighbors.

Yuan et al., "From Poses to Identity: Training-Free Person Re-Identification via Feature Centralization", CVPR 2025.
Queries are joined with queries and gallery images with gallery images, and no label is used. A query's feature
then depends on the other queries: figures by it and without it are of two protocols.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from dgnet.core.errors import UserError, check_count
from eval.reid.distance import row_blocks, unit_features
from eval.reid.neighbors import nearest_neighbors


@dataclass(frozen=True)
class NeighborCentralization:
    """An image j joins the image i where j is among the `k1` nearest others of i, and i among the `k2` nearest others
    of j; 2 and 2 are the published values."""

    k1: int = 2
    k2: int = 2

    def __post_init__(self) -> None:
        check_count("k1 of the centralization", self.k1)
        check_count("k2 of the centralization", self.k2)

    def __str__(self) -> str:
        return f"neighbor centralization k1={self.k1} k2={self.k2}"


def centralized_features(
    features: Float[Tensor, "image feature"], parameters: NeighborCentralization
) -> Float[Tensor, "image feature"]:
    """Unit features of the sums of each image's own feature and those of its mutual neighbors in the same set.

    `features` are from `eval.reid.distance.unit_features`, and so is the result. Of equally near images the first count
    as nearer. Memory beside the features: about a hundred numbers an image. `UserError` where the set has no more
    images than `k1` or `k2`.
    """
    most = max(parameters.k1, parameters.k2)
    if len(features) <= most:
        raise UserError(f"{parameters} needs more than {most} images in query and gallery each, got {len(features)}")
    others = torch.from_numpy(nearest_neighbors(features, most + 1).nearest[:, 1:]).to(features.device)
    near, back = others[:, : parameters.k1], others[:, : parameters.k2]
    result = torch.empty_like(features)
    for rows in row_blocks(len(features), features.shape[1]):
        images = torch.arange(rows.start, rows.stop, device=features.device)
        mutual = (back[near[rows]] == images[:, None, None]).any(dim=2)
        joined = features[rows].double()
        for column in range(parameters.k1):
            joined += mutual[:, column, None] * features[near[rows, column]]
        result[rows] = unit_features("centralized features", joined)
    return result
