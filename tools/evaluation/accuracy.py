"""Re-identification accuracy of a network on a data set: figures, and what a page shows beside them."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from dgnet import pixels
from dgnet.data.cache import decode
from dgnet.data.check import count_splits
from dgnet.data.records import JUNK, Dataset
from dgnet.errors import UserError
from eval.accuracy_page import accuracy_figures, cmc_section, retrieval_section
from eval.arrays import Array
from eval.extractor import Extractor, features_of
from eval.page import Section
from eval.ranking import RankingResult, rank_metrics
from eval.rerank import KReciprocal
from eval.result import Figure
from eval.retrieval import best_and_worst, retrieve

_SHOWN = 128, 64  # pixels of a picture on the page
_LISTS = 5  # queries that are found best, and worst
_RERANKED = "re-ranked"


@dataclass(frozen=True)
class Accuracy:
    """Figures without and with re-ranking; `sections` hold the CMC, the best and the worst retrievals."""

    figures: list[Figure]
    sections: list[Section]


def split_counts(dataset: Dataset) -> dict[str, dict[str, int]]:
    """What each split of a data set holds, for a report."""
    kinds = ("images", "identities", "cameras", "junk", "distractors")
    counted = {count.split: {kind: getattr(count, kind) for kind in kinds} for count in count_splits(dataset)}
    return {
        split: {kind: number for kind, number in numbers.items() if number or kind == "images"}
        for split, numbers in counted.items()
        if numbers["images"]
    }


def split_features(dataset: Dataset, extractor: Extractor, batch: int, workers: int | None) -> tuple[Array, Array]:
    """Features of the query and of the gallery images. `UserError` for a data set without them."""
    if not dataset.query or not dataset.gallery:
        raise UserError(f"{dataset.root}: accuracy needs a query and a gallery split, this data set lacks one")
    query, gallery = (
        features_of([record.path for record in records], extractor, batch=batch, workers=workers)
        for records in (dataset.query, dataset.gallery)
    )
    return query, gallery


def usual_reranking(dataset: Dataset) -> KReciprocal:
    """The paper's parameters, k1 and k2 lowered where queries and gallery are too few for them."""
    images = sum(record.identity != JUNK for record in (*dataset.query, *dataset.gallery))
    return KReciprocal(k1=max(1, min(KReciprocal.k1, images - 1)), k2=max(1, min(KReciprocal.k2, images)))


def accuracy_of(
    query_features: Array,
    gallery_features: Array,
    dataset: Dataset,
    note: str,
    *,
    protocol: str = "standard",
    reranking: KReciprocal | None = None,
) -> Accuracy:
    """Accuracy of the features of a data set's queries and gallery, in the order of its records.

    Without `reranking` its parameters are those of `usual_reranking`.
    """
    reranking = reranking or usual_reranking(dataset)
    query_ids, query_cameras, gallery_ids, gallery_cameras = (
        torch.tensor([getattr(record, column) for record in records])
        for records in (dataset.query, dataset.gallery)
        for column in ("identity", "camera")
    )
    columns = (query_features, query_ids, query_cameras, gallery_features, gallery_ids, gallery_cameras)
    results: dict[str, RankingResult] = {
        "": rank_metrics(*columns, protocol=protocol),
        _RERANKED: rank_metrics(*columns, protocol=protocol, reranking=reranking),
    }
    best, worst = best_and_worst(results[""], query_ids, _LISTS)

    def picture(split: Literal["query", "gallery"], place: int) -> Tensor:
        record = (dataset.query if split == "query" else dataset.gallery)[place]
        return pixels.resize(torch.from_numpy(decode(record.path)).permute(2, 0, 1)[None], *_SHOWN)[0]

    sections = [cmc_section({name or "without re-ranking": result for name, result in results.items()})]
    for title, lead, chosen in (
        ("Best retrievals", "The queries with the highest average precision, one of a person.", best),
        ("Worst retrievals", "The queries with the lowest average precision, one of a person.", worst),
    ):
        lists = retrieve(results[""], chosen, *columns)
        lead += " Framed: ✓ the same person, ✗ another one. Ranked without re-ranking."
        sections.append(retrieval_section(title, lead, lists, query_ids, picture))
    return Accuracy(accuracy_figures(results, note), sections)
