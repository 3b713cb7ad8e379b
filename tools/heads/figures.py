"""mAP and Rank-k of a head on a data set's test split."""

from collections import defaultdict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from dgnet.data.cache import ImageCache
from dgnet.data.records import JUNK, Dataset, Record
from dgnet.embedding import extract, head_embedding
from dgnet.errors import UserError
from dgnet.models.head import Head
from eval.ranking import RankingResult, rank_metrics
from eval.rerank import KReciprocal
from reid_heads.config import TestConfig

RANKS = (1, 5, 10)


def figures_of(
    dataset: Dataset, settings: TestConfig, height: int, width: int
) -> Callable[[Head], dict[str, float]] | None:
    """A function that measures heads; None for a data set without a test split.

    It decodes query and gallery when it is first asked, and keeps them. Figures are 0..1: mAP, Rank-1, Rank-5, Rank-10,
    with `settings.re_rank` also those after re-ranking; the protocol is `standard` (`eval.ranking`).

    Raises:
        UserError: no query can be found in the gallery, or too few images for re-ranking.
    """
    if not dataset.query or not dataset.gallery:
        return None
    _refuse_pointless(dataset, settings.re_rank)
    caches: list[ImageCache] = []

    def measure(head: Head) -> dict[str, float]:
        splits = (dataset.query, dataset.gallery)
        if not caches:
            caches.extend(ImageCache([record.path for record in split]) for split in splits)
        embed = head_embedding(head, settings.mirrored)
        columns: list[Tensor] = []
        for cache, split in zip(caches, splits, strict=True):
            columns.append(extract(cache, head, embed, height, width, batch_size=settings.batch_size))
            columns += [_column(split, "identity"), _column(split, "camera")]
        found = _named(rank_metrics(*columns, ranks=RANKS))
        if settings.re_rank:
            found |= _named(rank_metrics(*columns, ranks=RANKS, reranking=KReciprocal()), "re-ranked ")
        return found

    return measure


def _named(result: RankingResult, prefix: str = "") -> dict[str, float]:
    ranks = {f"{prefix}Rank-{rank}": share for rank, share in result.cmc.items()}
    return {f"{prefix}mAP": result.mAP, **ranks}


def _column(records: Sequence[Record], name: str) -> Tensor:
    return torch.tensor([getattr(record, name) for record in records])


def _refuse_pointless(dataset: Dataset, re_rank: bool) -> None:
    """What would end a run at its first test is said before it begins."""
    cameras: dict[int, set[int]] = defaultdict(set)
    for record in dataset.gallery:
        cameras[record.identity].add(record.camera)
    if not any(cameras[query.identity] - {query.camera} for query in dataset.query):
        raise UserError(
            f"{dataset.root}: no query has an image of its identity from another camera in the gallery, so nothing can "
            "be measured; test.every=0 trains without testing"
        )
    images = len(dataset.query) + sum(record.identity != JUNK for record in dataset.gallery)
    if re_rank and images <= KReciprocal().k1:
        raise UserError(
            f"{dataset.root}: re-ranking needs more than {KReciprocal().k1} images in query and gallery, got {images}"
        )
