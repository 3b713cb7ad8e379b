"""Re-identification accuracy of a model on a data set: metrics, and what a page shows beside them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from torch import Tensor

from dgnet.core import pixels
from dgnet.core.errors import UserError
from dgnet.core.images import read_image
from eval.datasets import TestSplits
from eval.reid.centralization import NeighborCentralization
from eval.reid.dataset_features import features_of_dataset, query_and_gallery
from eval.reid.embedding_model import EmbeddingModel, description
from eval.reid.feature_file import StoredFeatures
from eval.reid.labeled_features import LabeledFeatures
from eval.reid.open_set import OpenSetResult, open_set_metrics
from eval.reid.pair_scores import pair_scores
from eval.reid.query_expansion import QueryExpansion
from eval.reid.ranking import RankingResult, rank_metrics
from eval.reid.rerank import KReciprocal, usual_reranking
from eval.reid.retrieval import best_and_worst, retrieve
from eval.reid.single_gallery_shot import PROTOCOL as SINGLE_SHOT
from eval.reid.single_gallery_shot import SingleShotResult, single_shot_metrics
from eval.reid.swap_features import SidesWithSwaps, Swaps, sides_with_swaps
from eval.reid.verification import VerificationResult, verification_metrics
from eval.report.accuracy import (
    CENTRALIZED,
    PROTOCOLS,
    RERANKED,
    WITH_SWAPS,
    accuracy_metrics,
    cmc_section,
    difference_metrics,
    retrieval_section,
    single_shot_accuracy_metrics,
    used_at_test_time,
)
from eval.report.page import HtmlSection
from eval.report.result import MetricValue
from eval.report.verification import PROTOCOLS as SAME_PERSON_PROTOCOLS
from eval.report.verification import same_person_figures

_SHOWN = 128, 64  # pixels of a picture on the page
_LISTS = 5  # best queries, and worst
_PLAIN = "without re-ranking"


@dataclass(frozen=True)
class ReIDAccuracy:
    """The accuracy without and with re-ranking.

    Attributes:
        plain: by the distance of the features.
        reranked: by k-reciprocal re-ranked distances.
        verification: whether two images show one person, by a threshold on their similarity; without re-ranking.
        open_set: rank 1 among strangers, likewise.
        metrics: all of them as metrics of a report, in per cent; with features that were joined or centralized also
            their rankings, and the differences from the plain ones.
        not_measured: what cannot be measured on this data set -> the reason.
        sections: for a page: the CMC, the ROC curve, and the best and the worst ranked lists.
        features: the features that were ranked.
    """

    plain: RankingResult | SingleShotResult
    reranked: RankingResult | SingleShotResult
    verification: VerificationResult
    open_set: OpenSetResult
    metrics: list[MetricValue]
    not_measured: dict[str, str]
    sections: list[HtmlSection]
    features: StoredFeatures

    @property
    def protocols(self) -> dict[str, str]:
        """The protocols of the metrics: name -> what it does."""
        own = {self.plain.protocol: PROTOCOLS[self.plain.protocol]}
        return own | used_at_test_time(self.metrics) | SAME_PERSON_PROTOCOLS


def evaluate_reid(
    model: EmbeddingModel,
    dataset: TestSplits,
    *,
    protocol: str = "standard",
    reranking: KReciprocal | None = None,
    expansion: QueryExpansion | None = None,
    centralization: NeighborCentralization | None = None,
    swaps: Swaps | None = None,
    batch: int = 50,
    workers: int | None = None,
) -> ReIDAccuracy:
    """mAP, CMC and mINP of a model on a data set, without and with re-ranking.

    Args:
        model: anything with `name`, `height`, `width` and a call that maps uint8 images `[image, 3, height, width]` to
            features `[image, feature]`.
        dataset: anything with `root`, `query` and `gallery`, whose records have `path`, `identity` and `camera`.
        protocol: `standard` or `dgnet` (`eval.rank_metrics`), or `single-gallery-shot` (CUHK03's first).
        reranking: its parameters; by default the paper's, lowered where there are too few images.
        expansion: query expansion; not by the protocol single-gallery-shot.
        centralization: also measures features joined with their mutual neighbors'; likewise not.
        swaps: also measures features joined with those of generated images; likewise not.
        batch: images at a time; changes no metric.
        workers: threads that decode (default: all cores).

    Raises:
        UserError: an image cannot be read, a split is empty, or no query has a true match.

    Example:
        >>> from pathlib import Path
        >>> from dgnet import read_dataset
        >>> from eval import evaluate_reid
        >>> from eval.reid.color_histogram import ColorHistogram
        >>> accuracy = evaluate_reid(ColorHistogram(), read_dataset(Path("data/Market-1501")), protocol="standard")
        >>> 0 < accuracy.plain.mAP <= 1, accuracy.plain.protocol
        (True, 'standard')

        With a trained network: `model = reid_heads.load_model("outputs/bnneck")` in place of the histogram.
    """
    if isinstance(dataset, (str, Path)):
        raise UserError(f"dataset must be a data set that was read, got a path: dgnet.read_dataset({str(dataset)!r})")
    stored = features_of_dataset(dataset, model, batch=batch, workers=workers)
    with_swaps = None
    if swaps is not None:
        with_swaps = sides_with_swaps(*query_and_gallery(stored), dataset, swaps, model, batch=batch, workers=workers)
    return accuracy_of(
        stored,
        dataset,
        description(model),
        protocol=protocol,
        reranking=reranking,
        expansion=expansion,
        centralization=centralization,
        with_swaps=with_swaps,
    )


def accuracy_of(
    stored: StoredFeatures,
    dataset: TestSplits,
    note: str,
    *,
    protocol: str = "standard",
    reranking: KReciprocal | None = None,
    expansion: QueryExpansion | None = None,
    centralization: NeighborCentralization | None = None,
    with_swaps: SidesWithSwaps | None = None,
    repetitions: int = 10,
    seed: int = 0,
    split: str = "",
) -> ReIDAccuracy:
    """The accuracy of features of a data set's queries and gallery; the pictures are those of its records.

    `note` stands with the mAP: what the features are of. `split` stands in the protocol: how queries and gallery were
    taken from the data, where that is not usual. `with_swaps` are the same sides joined with their swaps. `repetitions`
    and `seed` belong to single-gallery-shot, which has no single list to show. Other arguments as in `evaluate_reid`.
    """
    query, gallery = query_and_gallery(stored)
    reranking = reranking or usual_reranking(query.identities, gallery.identities)
    scores = pair_scores(query, gallery)
    verification, open_set = verification_metrics(scores), open_set_metrics(scores)
    same_person = same_person_figures(verification, open_set, note, split)
    plain: RankingResult | SingleShotResult
    reranked: RankingResult | SingleShotResult
    if protocol == SINGLE_SHOT:
        if centralization or with_swaps:
            raise UserError(f"centralization and swaps belong to every protocol but {SINGLE_SHOT}")
        drawn = {
            name: single_shot_metrics(query, gallery, repetitions=repetitions, seed=seed, reranking=parameters)
            for name, parameters in {"": None, RERANKED: reranking}.items()
        }
        sections = [cmc_section({name or _PLAIN: result for name, result in drawn.items()})]
        metrics, (plain, reranked) = single_shot_accuracy_metrics(drawn, note, split), drawn.values()
    else:
        sides: list[tuple[str, LabeledFeatures, LabeledFeatures, str]] = [("", query, gallery, "none")]
        if with_swaps is not None:
            sides.append((WITH_SWAPS, with_swaps.query, with_swaps.gallery, with_swaps.description))
        results: dict[str, RankingResult] = {}
        for joined, queries, ranked, swaps in sides:
            for centralized in (None,) if centralization is None else (None, centralization):
                for parameters in (None, reranking):
                    words = (joined, CENTRALIZED if centralized else "", RERANKED if parameters else "")
                    result = rank_metrics(
                        queries,
                        ranked,
                        protocol=protocol,
                        reranking=parameters,
                        expansion=expansion,
                        centralization=centralized,
                    )
                    results[", ".join(word for word in words if word)] = replace(result, swaps=swaps)
        sections = _sections(results, stored, dataset, expansion, note)
        metrics, plain, reranked = accuracy_metrics(results, note, split), results[""], results[RERANKED]
        if len(results) > 2:
            metrics += difference_metrics(results, query.identities, split)
    return ReIDAccuracy(
        plain=plain,
        reranked=reranked,
        verification=verification,
        open_set=open_set,
        metrics=metrics + same_person.metrics,
        not_measured=same_person.not_measured,
        sections=[sections[0], *same_person.sections, *sections[1:]],
        features=stored,
    )


def _sections(
    results: Mapping[str, RankingResult],
    stored: StoredFeatures,
    dataset: TestSplits,
    expansion: QueryExpansion | None,
    note: str,
) -> list[HtmlSection]:
    """The CMC of each result, and the best and the worst ranked lists of the one without re-ranking.

    `note`: what the features are of.
    """
    query, gallery = query_and_gallery(stored)
    best, worst = best_and_worst(results[""], query.identities, _LISTS)

    def picture(split: Literal["query", "gallery"], index: int) -> Tensor:
        record = (dataset.query if split == "query" else dataset.gallery)[index]
        return pixels.resize(read_image(record.path)[None], *_SHOWN)[0]

    sections = [cmc_section({name or _PLAIN: result for name, result in results.items()})]
    ranked = f"{_PLAIN}, {expansion}" if expansion else _PLAIN
    for title, lead, chosen in (
        ("Best retrievals", "The queries with the highest average precision, one of a person.", best),
        ("Worst retrievals", "The queries with the lowest average precision, one of a person.", worst),
    ):
        lists = retrieve(results[""], chosen, query, gallery, expansion=expansion)
        lead += f" Framed: ✓ the same person, ✗ another one. Ranked by {note}, {ranked}."
        sections.append(retrieval_section(title, lead, lists, query.identities, picture))
    return sections
