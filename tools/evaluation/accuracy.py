"""Re-identification accuracy of a network on a data set: metrics, and what a page shows beside them."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from dgnet.core import pixels
from dgnet.core.errors import UserError
from dgnet.core.images import read_image
from dgnet.data.checks import count_splits
from dgnet.data.records import JUNK, Dataset
from eval.arrays import Array
from eval.reid.feature_file import StoredFeatures
from eval.reid.query_expansion import QueryExpansion
from eval.reid.ranking import RankingResult, rank_metrics
from eval.reid.rerank import KReciprocal
from eval.reid.retrieval import best_and_worst, retrieve
from eval.reid.single_gallery_shot import SingleShotResult, single_shot_metrics
from eval.report.accuracy import accuracy_metrics, cmc_section, retrieval_section, single_shot_accuracy_metrics
from eval.report.page import HtmlSection
from eval.report.result import MetricValue
from tools.evaluation.stored_features import query_and_gallery

_SHOWN = 128, 64  # pixels of a picture on the page
_LISTS = 5  # queries that are found best, and worst
_PLAIN, _RERANKED = "without re-ranking", "re-ranked"


@dataclass(frozen=True)
class Accuracy:
    """Metrics without and with re-ranking; `sections` hold the CMC, the best and the worst retrievals."""

    metrics: list[MetricValue]
    sections: list[HtmlSection]


def split_counts(dataset: Dataset) -> dict[str, dict[str, int]]:
    """What each split of a data set holds, for a report."""
    kinds = ("images", "identities", "cameras", "junk", "distractors")
    counted = {count.split: {kind: getattr(count, kind) for kind in kinds} for count in count_splits(dataset)}
    return {
        split: {kind: number for kind, number in numbers.items() if number or kind == "images"}
        for split, numbers in counted.items()
        if numbers["images"]
    }


def usual_reranking(query_ids: Array, gallery_ids: Array) -> KReciprocal:
    """The paper's parameters, k1 and k2 lowered where queries and gallery without junk are too few for them."""
    images = len(query_ids) + sum(identity != JUNK for identity in gallery_ids.tolist())
    return KReciprocal(k1=max(1, min(KReciprocal.k1, images - 1)), k2=max(1, min(KReciprocal.k2, images)))


def chosen_reranking(
    dataset: Dataset, k1: int | None, k2: int | None, weight: float | None, expansion: int | None = None
) -> KReciprocal:
    """The parameters that were asked for, each that was not as in `usual_reranking`.

    Raises:
        UserError: a neighborhood (that of the query `expansion`, too) larger than what there is: known before any
            feature is computed.
    """
    asking, sought = (torch.tensor([record.identity for record in split]) for split in (dataset.query, dataset.gallery))
    gallery = int((sought != JUNK).sum())
    images = len(asking) + gallery
    for name, asked, most in (("--k1", k1, images - 1), ("--k2", k2, images), ("--expansion", expansion, gallery)):
        if asked is not None and asked > most:
            there = f"the {len(asking)} queries and {gallery} gallery images of {dataset.root} without junk"
            raise UserError(f"{name} must be at most {most} with {there}, got {asked}")
    usual = usual_reranking(asking, sought)
    return KReciprocal(
        usual.k1 if k1 is None else k1, usual.k2 if k2 is None else k2, usual.weight if weight is None else weight
    )


def accuracy_of(
    stored: StoredFeatures,
    dataset: Dataset,
    note: str,
    *,
    protocol: str = "standard",
    reranking: KReciprocal | None = None,
    expansion: QueryExpansion | None = None,
) -> Accuracy:
    """Accuracy of the features of a data set's queries and gallery; the pictures are those of its records.

    Without `reranking` its parameters are those of `usual_reranking`.
    """
    query, gallery = query_and_gallery(stored)
    reranking = reranking or usual_reranking(query.identities, gallery.identities)
    results: dict[str, RankingResult] = {
        "": rank_metrics(query, gallery, protocol=protocol, expansion=expansion),
        _RERANKED: rank_metrics(query, gallery, protocol=protocol, reranking=reranking, expansion=expansion),
    }
    best, worst = best_and_worst(results[""], query.identities, _LISTS)

    def picture(split: Literal["query", "gallery"], place: int) -> Tensor:
        record = (dataset.query if split == "query" else dataset.gallery)[place]
        return pixels.resize(read_image(record.path)[None], *_SHOWN)[0]

    sections = [cmc_section({name or _PLAIN: result for name, result in results.items()})]
    ranked = f"{_PLAIN}, {expansion}" if expansion else _PLAIN
    for title, lead, chosen in (
        ("Best retrievals", "The queries with the highest average precision, one of a person.", best),
        ("Worst retrievals", "The queries with the lowest average precision, one of a person.", worst),
    ):
        lists = retrieve(results[""], chosen, query, gallery, expansion=expansion)
        lead += f" Framed: ✓ the same person, ✗ another one. Ranked {ranked}."
        sections.append(retrieval_section(title, lead, lists, query.identities, picture))
    return Accuracy(accuracy_metrics(results, note), sections)


def single_shot_accuracy(
    stored: StoredFeatures, note: str, *, repetitions: int, seed: int, reranking: KReciprocal
) -> Accuracy:
    """The CMC of galleries of one image of each person (`eval.reid.single_gallery_shot`), which has no single list to
    show."""
    query, gallery = query_and_gallery(stored)
    results: dict[str, SingleShotResult] = {
        "": single_shot_metrics(query, gallery, repetitions=repetitions, seed=seed),
        _RERANKED: single_shot_metrics(query, gallery, repetitions=repetitions, seed=seed, reranking=reranking),
    }
    section = cmc_section({name or _PLAIN: result for name, result in results.items()})
    return Accuracy(single_shot_accuracy_metrics(results, note), [section])
