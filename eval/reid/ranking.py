"""mAP, CMC and mINP of re-identification, by a named protocol.

Only the ranks of the true matches are ever needed. Each query's true matches are sorted, every gallery image is put
between two of them by a binary search, and counting gives the ranks: no row of the gallery is sorted, and no more of
the distance matrix exists at a time than one block of queries.
"""

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from dgnet.core.errors import UserError, check_count
from eval.arrays import checked_features
from eval.reid.centralization import NeighborCentralization, centralized_features
from eval.reid.distance import joined_unit_features, order_keys, row_blocks, squared_distances
from eval.reid.labeled_features import LabeledFeatures
from eval.reid.labels import NO_MATCH, RankingLabels
from eval.reid.query_expansion import QueryExpansion, expanded_queries
from eval.reid.rerank import KReciprocal, reranked_blocks

PROTOCOLS = ("standard", "dgnet")
_log = logging.getLogger(__name__)
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
    centralization: str = "none"  # or the parameters of the neighbor centralization
    swaps: str = "none"  # or which features of generated images are in those that were ranked


def rank_metrics(
    query: LabeledFeatures,
    gallery: LabeledFeatures,
    *,
    protocol: str = "standard",
    ranks: Sequence[int] = (1, 3, 5, 10),
    reranking: KReciprocal | None = None,
    expansion: QueryExpansion | None = None,
    centralization: NeighborCentralization | None = None,
) -> RankingResult:
    """mAP, CMC and mINP of a gallery that is ranked for every query.

    Ranked by the Euclidean distance of L2-normalized features, or by re-ranked distances. In both protocols three
    rules hold: gallery images of identity -1 (junk) are left out; so are those of the query's own identity and camera;
    images of identity 0 (distractors of Market-1501) stay. Then

    - `standard` (torchreid, fast-reid, MGN-pytorch): the AP is the mean precision at the true matches, and queries
      without a true match are left out of every mean;
    - `dgnet` (the official DG-Net): the AP is the area under the precision-recall curve by the trapezoid rule, and
      queries without a true match count as 0 (all means are divided by all queries).

    mINP (Ye et al., "Deep Learning for Person Re-identification: A Survey and Outlook", 2021) is the number of true
    matches divided by the rank of the last of them. Ties go by the gallery's order, as a stable sort does. Cosines
    nearer to each other than about 2e-7 (`eval.reid.distance`) may be ordered otherwise than by float64 arithmetic,
    which moves mAP by some 1e-6.

    Args:
        query: the queries; their device is where everything is computed.
        gallery: the gallery, junk and distractors included.
        protocol: `standard` or `dgnet`; it stands in the result.
        ranks: the ranks of `RankingResult.cmc`, from 1; a rank beyond the gallery has the CMC of the last place.
        reranking: k-reciprocal re-ranking (`eval.reid.rerank`).
        expansion: query expansion by neighbors in the gallery without junk (`eval.reid.query_expansion`).
        centralization: joins the features of mutual neighbors among the queries, and among the gallery without junk
            (`eval.reid.centralization`), before everything else.

    Raises:
        UserError: NaN features, mismatched shapes, junk queries, cameras known for a part of an identity's images alone
            (-1 is unknown), or no query with a true match.

    Example:
        >>> import numpy as np
        >>> from eval import LabeledFeatures, rank_metrics
        >>> query = LabeledFeatures(np.eye(2), identities=np.array([7, 8]), cameras=np.array([1, 1]))
        >>> gallery = LabeledFeatures(
        ...     np.array([[1, 0.1], [0, 1], [1, 1]]), identities=np.array([7, 9, 8]), cameras=np.array([2, 2, 2])
        ... )
        >>> result = rank_metrics(query, gallery, protocol="standard")
        >>> result.mAP, result.cmc[1], result.protocol
        (0.75, 0.5, 'standard')
    """
    query_features = checked_features("query.features", query.features)
    gallery_features = checked_features("gallery.features", gallery.features)
    labels = RankingLabels.of(query, gallery, query_features.device)
    features = joined_unit_features(query_features, gallery_features, labels.kept)
    count = len(query_features)
    if centralization is not None:
        for side in (features[:count], features[count:]):
            side.copy_(centralized_features(side, centralization))
    if expansion is not None:
        features[:count] = expanded_queries(features[:count], features[count:], expansion)
    method = _Method(protocol, ranks, str(reranking or "none"), str(expansion or "none"), str(centralization or "none"))
    if reranking is None:
        return _ranked(lambda rows: squared_distances(features[:count][rows], features[count:]), 4.0, labels, method)
    return _ranked(reranked_blocks(features, count, reranking), 1.0, labels, method)


def check_ranks(ranks: object) -> None:
    """`UserError` unless these are ranks."""
    if not isinstance(ranks, Collection) or not len(ranks):
        raise UserError(f"ranks must be one or more whole numbers from 1, got {ranks!r}")
    for rank in ranks:
        check_count("ranks", rank)


@dataclass(frozen=True)
class _Method:
    protocol: str
    ranks: Sequence[int]
    reranking: str
    expansion: str
    centralization: str


def _ranked(
    distances: Callable[[slice], Tensor],
    largest: float,
    labels: RankingLabels,
    method: _Method,
) -> RankingResult:
    """The figures of distances (at most `largest`) that come in blocks of queries against the gallery without junk."""
    protocol, ranks = method.protocol, method.ranks
    if protocol not in PROTOCOLS:
        raise UserError(f"protocol must be one of {', '.join(PROTOCOLS)}, got {protocol!r}")
    check_ranks(ranks)
    queries, gallery = len(labels.query_identities), len(labels.gallery_identities)
    precisions, penalties, first_ranks = [], [], []
    for rows in row_blocks(queries, gallery):
        match, excluded = labels.masks(rows)
        places, valid = _places_of_matches(order_keys(distances(rows).to(match.device), largest), match, excluded)
        precisions.append(_average_precisions(places, valid, protocol).cpu())
        matches = valid.sum(dim=1)
        last = torch.where(valid, places, 0).amax(dim=1)
        penalties.append((matches.double() / (last + 1)).cpu())
        first_ranks.append(places[matches > 0, 0].cpu())

    average_precisions, inverse_penalties = torch.cat(precisions), torch.cat(penalties)
    has_match = ~average_precisions.isnan()
    valid_queries = int(has_match.sum())
    if not valid_queries:
        raise UserError(NO_MATCH)
    if len(labels.gallery_identities.unique()) == 1:
        _log.warning(
            "warning: the gallery is of one identity alone: every ranking is right, and the figures say nothing about "
            "the model"
        )
    divisor = valid_queries if protocol == "standard" else queries
    curve = torch.bincount(torch.cat(first_ranks), minlength=gallery).cumsum(dim=0).double().div(divisor).numpy()
    return RankingResult(
        mAP=float(average_precisions[has_match].sum()) / divisor,
        cmc={rank: float(curve[min(rank, gallery) - 1]) for rank in ranks},
        mINP=float(inverse_penalties[has_match].sum()) / divisor,
        protocol=protocol,
        reranking=method.reranking,
        query_expansion=method.expansion,
        queries=queries,
        valid_queries=valid_queries,
        gallery=gallery,
        cmc_curve=curve,
        average_precisions=average_precisions.numpy(),
        centralization=method.centralization,
    )


def _places_of_matches(
    keys: Int64[Tensor, "query gallery"], match: Tensor, excluded: Tensor
) -> tuple[Int64[Tensor, "query match"], Tensor]:
    """0-based places of each query's true matches, nearest first, among what is not excluded; and which of them exist.

    The place of a match is the number of gallery images with a smaller key. Every image falls between two matches
    (binary search); the running sum over these intervals is that number.
    """
    queries = len(keys)
    most_matches = max(int(match.sum(dim=1).max()), 1)
    keys = keys.masked_fill(excluded, _EXCLUDED)
    of_matches = keys.masked_fill(~match, _EXCLUDED).topk(most_matches, dim=1, largest=False, sorted=True).values
    # Excluded images carry the largest key and land right of every match, in the interval that is never summed.
    interval = torch.searchsorted(of_matches.contiguous(), keys, right=True)
    offset = torch.arange(queries, device=keys.device)[:, None] * (most_matches + 1)
    counts = torch.bincount((interval + offset).flatten(), minlength=queries * (most_matches + 1)).view(
        queries, most_matches + 1
    )
    return counts.cumsum(dim=1)[:, :most_matches], of_matches != _EXCLUDED


def _average_precisions(places: Int64[Tensor, "query match"], valid: Tensor, protocol: str) -> Float[Tensor, " query"]:
    """The AP of each query, NaN where it has no match."""
    order = torch.arange(places.shape[1], device=places.device, dtype=torch.float64)
    precision = (order + 1) / (places + 1)
    if protocol == "dgnet":
        # The precision just before the match; by definition 1 before the first place.
        before = torch.where(places > 0, order / places.clamp_min(1), 1.0)
        precision = (before + precision) / 2
    return torch.where(valid, precision, 0.0).sum(dim=1) / valid.sum(dim=1)
