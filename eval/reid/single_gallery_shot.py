"""CUHK03's first protocol: one gallery image of each person, drawn again and again.

Li et al., "DeepReID: Deep Filter Pairing Neural Network for Person Re-identification", CVPR 2014. There is one true
match for a query, so CMC is the figure; an accuracy by this protocol is not comparable with one on the whole gallery.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from dgnet.core.errors import UserError, check_count
from eval.arrays import checked_features
from eval.reid.distance import joined_unit_features, order_keys, row_blocks, squared_distances
from eval.reid.labeled_features import LabeledFeatures
from eval.reid.labels import NO_MATCH, RankingLabels
from eval.reid.ranking import check_ranks
from eval.reid.rerank import KReciprocal, reranked_blocks

PROTOCOL = "single-gallery-shot"


@dataclass(frozen=True)
class SingleShotResult:
    """CMC 0..1, its mean over repetitions and its standard deviation between them."""

    cmc: dict[int, float]
    cmc_deviation: dict[int, float]
    protocol: str
    reranking: str
    repetitions: int
    seed: int
    queries: int
    valid_queries: int  # queries with a true match in another camera; the mean is over these
    identities: int  # images of the gallery of one repetition
    cmc_curve: np.ndarray = field(repr=False)  # [identities], cmc_curve[0] is rank 1


def single_shot_metrics(
    query: LabeledFeatures,
    gallery: LabeledFeatures,
    *,
    ranks: Sequence[int] = (1, 3, 5, 10),
    repetitions: int = 10,
    seed: int = 0,
    reranking: KReciprocal | None = None,
) -> SingleShotResult:
    """Rank galleries of one image of each identity, drawn `repetitions` times; arguments as in `eval.reid.ranking`.

    Junk is left out, and of the query's own identity the images of its own camera. Identity 0, where it occurs, counts
    as one person. Which images are drawn depends on `seed`, the number of the repetition and the gallery's order alone:
    each image gets a random number, the largest of an identity stands for it. Re-ranking sees the whole gallery.
    `UserError` as in `eval.reid.ranking.rank_metrics`.
    """
    check_count("repetitions", repetitions)
    check_count("seed", seed, least=0)
    check_ranks(ranks)
    query_features = checked_features("query.features", query.features)
    gallery_features = checked_features("gallery.features", gallery.features)
    labels = RankingLabels.of(query, gallery, query_features.device)
    features = joined_unit_features(query_features, gallery_features, labels.kept)
    queries, ranked = features[: len(query)], features[len(query) :]
    reranked = reranked_blocks(features, len(query), reranking) if reranking else None
    numbers = [_numbers(seed, repetition, len(ranked)).to(features.device) for repetition in range(repetitions)]
    identities, person = labels.gallery_identities.unique(return_inverse=True)

    places: list[Tensor] = []
    for rows in row_blocks(len(queries), len(ranked)):
        distances = squared_distances(queries[rows], ranked) if reranked is None else reranked(rows)
        keys = order_keys(distances.to(features.device), 4.0 if reranked is None else 1.0)
        match, _ = labels.masks(rows)
        valid = match.any(dim=1).nonzero().flatten()
        own = labels.query_identities[rows][valid]
        drawn = [_places(keys[valid], match[valid], own, identities, person, number) for number in numbers]
        places.append(torch.stack(drawn).cpu())
    ranks_of_matches = torch.cat(places, dim=1).numpy()  # [repetition, valid query]
    if not ranks_of_matches.size:
        raise UserError(NO_MATCH)
    curves = (ranks_of_matches[:, :, None] <= np.arange(len(identities))).mean(axis=1)
    mean, deviation = curves.mean(axis=0), curves.std(axis=0)
    last = len(identities)
    return SingleShotResult(
        cmc={rank: float(mean[min(rank, last) - 1]) for rank in ranks},
        cmc_deviation={rank: float(deviation[min(rank, last) - 1]) for rank in ranks},
        protocol=PROTOCOL,
        reranking=str(reranking or "none"),
        repetitions=repetitions,
        seed=seed,
        queries=len(query),
        valid_queries=ranks_of_matches.shape[1],
        identities=last,
        cmc_curve=mean,
    )


def _numbers(seed: int, repetition: int, gallery: int) -> Tensor:
    """A random number 0..1 for each gallery image: a generator of its own for each repetition."""
    random = np.random.Generator(np.random.Philox(key=seed, counter=repetition << 128))
    return torch.from_numpy(random.random(gallery))


def _places(
    keys: Tensor, match: Tensor, query_identities: Tensor, identities: Tensor, person: Tensor, numbers: Tensor
) -> Tensor:
    """The 0-based place of each query's drawn match among the drawn images of all other persons."""
    largest = torch.zeros(len(identities), dtype=numbers.dtype, device=numbers.device)
    largest.scatter_reduce_(0, person, numbers, "amax", include_self=False)
    drawn = (numbers == largest[person]).nonzero().flatten()
    own = torch.where(match, numbers, -1.0).argmax(dim=1, keepdim=True)
    nearer = keys[:, drawn] < keys.gather(1, own)
    return (nearer & (identities[person[drawn]] != query_identities[:, None])).sum(dim=1)
