"""Ranked lists of single queries, and the rank of their nearest true match."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from dgnet.core.errors import UserError
from eval.arrays import Array, checked_labels
from eval.reid.distance import check_columns, order_keys, squared_distances, unit_features
from eval.reid.labeled_features import LabeledFeatures
from eval.reid.labels import JUNK, check_cameras
from eval.reid.query_expansion import QueryExpansion, expanded_queries
from eval.reid.ranking import RankingResult


@dataclass(frozen=True)
class Retrieval:
    """The ranked list of one query. Indices count from 0 in the gallery as it was given, ranks from 1.

    `ranked` are the indices of the nearest images, best first, without junk and without the query's own identity in its
    own camera; `right` tells which of them show the query's person. `match` is the index of the nearest true match and
    `match_rank` its rank, which may lie beyond the list.
    """

    query: int
    average_precision: float
    ranked: np.ndarray  # int64 [rank]
    right: np.ndarray  # bool [rank]
    match: int
    match_rank: int


def best_and_worst(result: RankingResult, identities: Array, count: int) -> tuple[list[int], list[int]]:
    """Queries (indices) of the highest and of the lowest average precision, at most one of an identity in each list.

    `identities` are those of the queries, `[query]`.

    Queries without a match are in neither; equal ones go by their order. Where there are fewer than `2 * count`
    identities with a match, the two lists may share a query.
    """
    precisions = result.average_precisions
    numbers = checked_labels("identities", identities, len(precisions)).tolist()
    known = [place for place in range(len(precisions)) if not np.isnan(precisions[place])]
    lists = []
    for sign in (-1.0, 1.0):
        chosen: dict[int, int] = {}
        for place in sorted(known, key=lambda place: sign * float(precisions[place])):
            chosen.setdefault(numbers[place], place)
        lists.append(list(chosen.values())[:count])
    return lists[0], lists[1]


def retrieve(
    result: RankingResult,
    queries: Sequence[int],
    query: LabeledFeatures,
    gallery: LabeledFeatures,
    *,
    top: int = 10,
    expansion: QueryExpansion | None = None,
) -> list[Retrieval]:
    """The ranked lists of the chosen `queries` (indices), by the plain distance and the ties of `rank_metrics`.

    Args:
        result: what `rank_metrics` gave for these two sides.
        top: images in a list.
        expansion: the query expansion of the result; the lists are those of the expanded queries.

    Raises:
        UserError: a query has no true match.
    """
    features = unit_features("query.features", query.features)
    candidates = unit_features("gallery.features", gallery.features).to(features.device)
    check_columns(features, candidates)
    identities = checked_labels("query.identities", query.identities, len(features))
    cameras = checked_labels("query.cameras", query.cameras, len(features))
    gallery_identities = checked_labels("gallery.identities", gallery.identities, len(candidates))
    gallery_cameras = checked_labels("gallery.cameras", gallery.cameras, len(candidates))
    check_cameras(identities, [(identities, cameras), (gallery_identities, gallery_cameras)])
    if expansion is not None:
        chosen, kept = list(queries), (gallery_identities != JUNK).to(candidates.device)
        features[chosen] = expanded_queries(features[chosen], candidates[kept], expansion)
    lists = []
    for place in queries:
        order = order_keys(squared_distances(features[[place]], candidates), 4.0)[0].argsort().cpu()
        same = gallery_identities[order] == identities[place]
        order = order[(gallery_identities[order] != JUNK) & ~(same & (gallery_cameras[order] == cameras[place]))]
        right = gallery_identities[order] == identities[place]
        if not bool(right.any()):
            raise UserError(f"query {place} has no image of its identity from another camera in the gallery")
        rank = int(right.to(torch.int8).argmax())
        lists.append(
            Retrieval(
                query=place,
                average_precision=float(result.average_precisions[place]),
                ranked=order[:top].numpy(),
                right=right[:top].numpy(),
                match=int(order[rank]),
                match_rank=rank + 1,
            )
        )
    return lists
