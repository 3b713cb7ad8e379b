"""Query expansion: a query is replaced by a mean of itself and of what it finds first.

Average: Chum et al., "Total Recall: Automatic Query Expansion with a Generative Feature Model for Object Retrieval",
ICCV 2007. Weighted by a power of the cosine: Radenovic et al., "Fine-tuning CNN Image Retrieval with No Human
Annotation", TPAMI 2019.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from dgnet.core.errors import UserError, check_count
from eval.reid.distance import order_keys, row_blocks, squared_distances, unit_features


@dataclass(frozen=True)
class QueryExpansion:
    """`neighbors` gallery images join each query, weighted by their cosine (at least 0) to the power `alpha`; 0 is the
    plain average."""

    neighbors: int = 5
    alpha: float = 0.0

    def __post_init__(self) -> None:
        check_count("the neighbors of the query expansion", self.neighbors)
        if not 0 <= self.alpha < float("inf"):
            raise UserError(f"the alpha of the query expansion must be finite and at least 0, got {self.alpha}")

    def __str__(self) -> str:
        kind = "average" if self.alpha == 0 else f"alpha={self.alpha}"
        return f"query expansion by {self.neighbors} neighbors, {kind}"


def expanded_queries(
    query: Float[Tensor, "query feature"], gallery: Float[Tensor, "gallery feature"], expansion: QueryExpansion
) -> Float[Tensor, "query feature"]:
    """Expanded unit features of the queries; all features from `eval.reid.distance.unit_features`.

    A query's own weight is 1. No label is used: images of the query's own camera may be among those that join.
    Of equally near images the first in the gallery join. `UserError` where the gallery has fewer images.
    """
    if len(gallery) < expansion.neighbors:
        raise UserError(f"{expansion} needs as many gallery images, got {len(gallery)}")
    result = torch.empty_like(query)
    for rows in row_blocks(len(query), len(gallery)):
        distances = squared_distances(query[rows], gallery)
        keys = order_keys(distances, 4.0).topk(expansion.neighbors, dim=1, largest=False, sorted=True).values
        nearest = keys.remainder_(len(gallery))
        weights = (1 - distances.gather(1, nearest) / 2).clamp_min(0) ** expansion.alpha
        joined = query[rows].double()
        for column in range(expansion.neighbors):  # one after another: in one order, whatever the block
            joined += weights[:, column, None] * gallery[nearest[:, column]].double()
        result[rows] = unit_features("expanded queries", joined)
    return result
