"""mAP, CMC and mINP of re-identification, by a named protocol.

Only the ranks of the true matches are ever needed. Each query's true matches are sorted, every gallery image is put
between two of them by a binary search, and counting gives the ranks: no row of the gallery is sorted, and no more of
the distance matrix exists at a time than one block of queries.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from dgnet.core.errors import UserError
from eval.arrays import Array, as_tensor, checked_features
from eval.reid.distance import joined_unit_features, order_keys, row_blocks, squared_distances
from eval.reid.labels import RankingLabels
from eval.reid.query_expansion import QueryExpansion, expanded_queries
from eval.reid.rerank import KReciprocal, reranked_blocks

PROTOCOLS = ("standard", "dgnet")
_EXCLUDED = torch.iinfo(torch.int64).max


@dataclass(frozen=True)
class RankingResult:
    """Figures 0..1 of one query set against one gallery; `protocol` and `reranking` say how they were measured."""

    mAP: float
    cmc: dict[int, float]  # rank -> share of queries with a true match at that rank or nearer
    mINP: float
    protocol: str
    reranking: str  # "none", or the parameters of the k-reciprocal re-ranking
    query_expansion: str  # "none", or its parameters
    queries: int
    valid_queries: int  # queries with at least one true match in another camera
    gallery: int  # without junk
    cmc_curve: np.ndarray = field(repr=False)  # [gallery] the CMC at every rank, cmc_curve[0] is rank 1
    average_precisions: np.ndarray = field(repr=False)  # [query] the AP of each query, NaN without a match


def rank_metrics(
    query_features: Array,
    query_ids: Array,
    query_cameras: Array,
    gallery_features: Array,
    gallery_ids: Array,
    gallery_cameras: Array,
    *,
    protocol: str = "standard",
    ranks: Sequence[int] = (1, 3, 5, 10),
    reranking: KReciprocal | None = None,
    expansion: QueryExpansion | None = None,
    block: int | None = None,
) -> RankingResult:
    """Rank the gallery for every query by the Euclidean distance of L2-normalized features, or by re-ranked distances.

    Features are `[image, feature]`, identities and cameras `[image]` whole numbers. In both protocols gallery images of
    identity -1 (junk) are left out, identity 0 (distractors of Market-1501) stays, and so does every image but those
    of the query's own identity and camera. Then

    - `standard` (torchreid, fast-reid, MGN-pytorch): the AP is the mean precision at the true matches, and queries
      without a true match are left out of every mean;
    - `dgnet` (the original DG-Net): the AP is the area under the precision-recall curve by the trapezoid rule, and
      queries without a true match count as 0 (all means are divided by all queries).

    mINP (Ye et al., "Deep Learning for Person Re-identification: A Survey and Outlook", 2021) is the number of true
    matches divided by the rank of the last of them. Ties go by the gallery's order, as a stable sort does, whatever
    the block size. `block` is the number of queries in memory at once; by default about 32 MiB of distances. A rank
    beyond the gallery has the CMC of the last place. The device is that of the query features.

    With `expansion` the queries are expanded first, by their neighbors in the gallery without junk
    (`eval.reid.query_expansion`).

    `UserError` (a ValueError) in one sentence for: NaN features, mismatched shapes, junk queries, no query with
    a match.
    """
    queries = checked_features("query_features", query_features)
    gallery = checked_features("gallery_features", gallery_features)
    labels = RankingLabels.checked(queries, len(gallery), query_ids, query_cameras, gallery_ids, gallery_cameras)
    features = joined_unit_features(queries, gallery, labels.kept)
    if expansion is not None:
        features[: len(queries)] = expanded_queries(features[: len(queries)], features[len(queries) :], expansion)
    how = _Measured(protocol, ranks, str(reranking or "none"), str(expansion or "none"))
    if reranking is None:
        return _ranked(_plain_distances(features, len(queries)), 4.0, labels, how, block)
    return _ranked(reranked_blocks(features, len(queries), reranking), 1.0, labels, how, block)


def rank_metrics_of_distances(
    distances: Array,
    query_ids: Array,
    query_cameras: Array,
    gallery_ids: Array,
    gallery_cameras: Array,
    *,
    protocol: str = "standard",
    ranks: Sequence[int] = (1, 3, 5, 10),
    block: int | None = None,
) -> RankingResult:
    """`rank_metrics` for distances `[query, gallery]` that somebody else computed (smaller is nearer, none negative).

    Distances closer to each other than 2^-40 of the largest are ties.
    """
    matrix = as_tensor(distances)
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise UserError(f"distances must be a matrix of queries by gallery images, got shape {tuple(matrix.shape)}")
    if not bool((torch.isfinite(matrix) & (matrix >= 0)).all()):
        raise UserError("distances must be finite and not negative, got NaN, infinity or a negative number")
    labels = RankingLabels.checked(matrix, matrix.shape[1], query_ids, query_cameras, gallery_ids, gallery_cameras)
    largest = float(matrix.max())
    return _ranked(
        lambda rows: matrix[rows][:, labels.kept],
        largest,
        labels,
        _Measured(protocol, ranks, "as given", "as given"),
        block,
    )


def _plain_distances(features: Tensor, queries: int) -> Callable[[slice], Tensor]:
    return lambda rows: squared_distances(features[:queries][rows], features[queries:])


def check_ranks(ranks: Sequence[int]) -> None:
    """`UserError` unless these are ranks."""
    if not ranks or min(ranks) < 1:
        raise UserError(f"ranks must be whole numbers from 1, got {tuple(ranks)}")


@dataclass(frozen=True)
class _Measured:
    protocol: str
    ranks: Sequence[int]
    reranking: str
    expansion: str


def _ranked(
    distances: Callable[[slice], Tensor],
    largest: float,
    labels: RankingLabels,
    how: "_Measured",
    block: int | None,
) -> RankingResult:
    """The figures of distances (at most `largest`) that come in blocks of queries against the gallery without junk."""
    protocol, ranks = how.protocol, how.ranks
    if protocol not in PROTOCOLS:
        raise UserError(f"protocol must be one of {', '.join(PROTOCOLS)}, got {protocol!r}")
    check_ranks(ranks)
    queries, gallery = len(labels.query_ids), len(labels.gallery_ids)
    precisions, penalties, first_ranks = [], [], []
    for rows in row_blocks(queries, gallery, block):
        match, excluded = labels.masks(rows)
        places, valid = _places_of_matches(order_keys(distances(rows).to(match.device), largest), match, excluded)
        precisions.append(_average_precisions(places, valid, protocol).cpu())
        matches = valid.sum(dim=1)
        last = torch.where(valid, places, 0).amax(dim=1)
        penalties.append((matches.double() / (last + 1)).cpu())
        first_ranks.append(places[matches > 0, 0].cpu())

    average_precisions, inverse_penalties = torch.cat(precisions), torch.cat(penalties)
    found = ~average_precisions.isnan()
    valid_queries = int(found.sum())
    if not valid_queries:
        raise UserError("no query has an image of its identity from another camera in the gallery: nothing to measure")
    divisor = valid_queries if protocol == "standard" else queries
    curve = torch.bincount(torch.cat(first_ranks), minlength=gallery).cumsum(dim=0).double().div(divisor).numpy()
    return RankingResult(
        mAP=float(average_precisions[found].sum()) / divisor,
        cmc={rank: float(curve[min(rank, gallery) - 1]) for rank in ranks},
        mINP=float(inverse_penalties[found].sum()) / divisor,
        protocol=protocol,
        reranking=how.reranking,
        query_expansion=how.expansion,
        queries=queries,
        valid_queries=valid_queries,
        gallery=gallery,
        cmc_curve=curve,
        average_precisions=average_precisions.numpy(),
    )


def _places_of_matches(
    keys: Int64[Tensor, "query gallery"], match: Tensor, excluded: Tensor
) -> tuple[Int64[Tensor, "query match"], Tensor]:
    """0-based places of each query's true matches, nearest first, among what is not excluded; and which of them exist.

    The place of a match is the number of gallery images with a smaller key. Every image falls between two matches
    (binary search); the running sum over these intervals is that number.
    """
    queries = len(keys)
    most = max(int(match.sum(dim=1).max()), 1)
    keys = keys.masked_fill(excluded, _EXCLUDED)
    of_matches = keys.masked_fill(~match, _EXCLUDED).topk(most, dim=1, largest=False, sorted=True).values
    # Excluded images carry the largest key and land right of every match, in the interval that is never summed.
    interval = torch.searchsorted(of_matches.contiguous(), keys, right=True)
    offset = torch.arange(queries, device=keys.device)[:, None] * (most + 1)
    counts = torch.bincount((interval + offset).flatten(), minlength=queries * (most + 1)).view(queries, most + 1)
    return counts.cumsum(dim=1)[:, :most], of_matches != _EXCLUDED


def _average_precisions(places: Int64[Tensor, "query match"], valid: Tensor, protocol: str) -> Float[Tensor, " query"]:
    """The AP of each query, NaN where it has no match."""
    order = torch.arange(places.shape[1], device=places.device, dtype=torch.float64)
    precision = (order + 1) / (places + 1)
    if protocol == "dgnet":
        # The precision just before the match; by definition 1 before the first place.
        before = torch.where(places > 0, order / places.clamp_min(1), 1.0)
        precision = (before + precision) / 2
    return torch.where(valid, precision, 0.0).sum(dim=1) / valid.sum(dim=1)
