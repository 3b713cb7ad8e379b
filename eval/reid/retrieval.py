"""Single queries: what was found for them, best first, and where their true match is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from dgnet.core.errors import UserError
from eval.arrays import Array, as_tensor, checked_labels
from eval.reid.distance import check_columns, order_keys, squared_distances, unit_features
from eval.reid.labels import JUNK
from eval.reid.query_expansion import QueryExpansion, expanded_queries
from eval.reid.ranking import RankingResult


@dataclass(frozen=True)
class Retrieval:
    """The list of one query. Places count from 0 in the gallery as it was given, ranks from 1.

    `found` are the places of the nearest images, best first, without junk and without the query's own identity in its
    own camera; `right` tells which of them show the query's person. `match` is the place of the nearest true match and
    `match_rank` its rank: it may come after all that is in `found`.
    """

    query: int
    average_precision: float
    found: np.ndarray  # int64 [rank]
    right: np.ndarray  # bool [rank]
    match: int
    match_rank: int


def best_and_worst(result: RankingResult, query_ids: Array, count: int) -> tuple[list[int], list[int]]:
    """Queries of the highest and of the lowest average precision, at most one of an identity in each list.

    Queries without a match are in neither; equal ones go by their order. Where there are fewer than `2 * count`
    identities with a match, the two lists may share a query.
    """
    precisions = result.average_precisions
    ids = checked_labels("query_ids", query_ids, len(precisions)).tolist()
    known = [place for place in range(len(precisions)) if not np.isnan(precisions[place])]
    lists = []
    for sign in (-1.0, 1.0):
        chosen: dict[int, int] = {}
        for place in sorted(known, key=lambda place: sign * float(precisions[place])):
            chosen.setdefault(ids[place], place)
        lists.append(list(chosen.values())[:count])
    return lists[0], lists[1]


def retrieve(
    result: RankingResult,
    queries: Sequence[int],
    query_features: Array,
    query_ids: Array,
    query_cameras: Array,
    gallery_features: Array,
    gallery_ids: Array,
    gallery_cameras: Array,
    *,
    top: int = 10,
    expansion: QueryExpansion | None = None,
) -> list[Retrieval]:
    """The lists of the chosen `queries`, by the plain distance and the ties of `rank_metrics` (which gave `result`).

    `expansion` is that of the result: the lists are those of the expanded queries.
    Features are `[image, feature]`, labels `[image]`. `UserError` for a query that has no true match.
    """
    query = unit_features("query_features", query_features)
    gallery = unit_features("gallery_features", gallery_features).to(query.device)
    check_columns(query, gallery)
    ids, cameras = (as_tensor(values).cpu() for values in (query_ids, query_cameras))
    gallery_ids = checked_labels("gallery_ids", gallery_ids, len(gallery))
    gallery_cameras = checked_labels("gallery_cameras", gallery_cameras, len(gallery))
    if expansion is not None:
        chosen, kept = list(queries), (gallery_ids != JUNK).to(gallery.device)
        query[chosen] = expanded_queries(query[chosen], gallery[kept], expansion)
    lists = []
    for place in queries:
        order = order_keys(squared_distances(query[[place]], gallery), 4.0)[0].argsort().cpu()
        same = gallery_ids[order] == ids[place]
        order = order[(gallery_ids[order] != JUNK) & ~(same & (gallery_cameras[order] == cameras[place]))]
        right = gallery_ids[order] == ids[place]
        if not bool(right.any()):
            raise UserError(f"query {place} has no image of its identity from another camera in the gallery")
        rank = int(right.to(torch.int8).argmax())
        lists.append(
            Retrieval(
                query=place,
                average_precision=float(result.average_precisions[place]),
                found=order[:top].numpy(),
                right=right[:top].numpy(),
                match=int(order[rank]),
                match_rank=rank + 1,
            )
        )
    return lists
