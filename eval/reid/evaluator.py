"""mAP and Rank-k on image files, measured repeatedly while a model is trained."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from eval.datasets import ImageRecord
from eval.extractor import features_of
from eval.reid.embedding_model import EmbeddingModel, extractor_of
from eval.reid.labeled_features import LabeledFeatures
from eval.reid.labels import check_rankable
from eval.reid.ranking import RankingResult, rank_metrics
from eval.reid.rerank import KReciprocal, usual_reranking

RANKS = (1, 5, 10)


@dataclass(frozen=True)
class RankingEvaluator:
    """Ranks a gallery for each query by a model's features, by the protocol `standard` (`eval.rank_metrics`).

    The images are decoded at each call: kept they would take gigabytes.

    Args:
        query: the queries.
        gallery: the gallery, junk and distractors included.
        batch_size: images at a time; changes no figure.
        re_rank: measure after re-ranking, too, by the parameters of `eval.reid.rerank.usual_reranking`.

    Raises:
        UserError: labels that cannot be ranked, such as cameras that are known for a part of an identity's images.

    Example:
        >>> evaluator = RankingEvaluator(dataset.query, dataset.gallery)  # doctest: +SKIP
        >>> evaluator(load_model("outputs/resnet50"))["mAP"]  # doctest: +SKIP
        0.859
    """

    query: Sequence[ImageRecord]
    gallery: Sequence[ImageRecord]
    batch_size: int = 128
    re_rank: bool = False

    def __post_init__(self) -> None:
        check_rankable(self.query, self.gallery)

    @property
    def reranking(self) -> str:
        """The parameters of the re-ranking; empty where there is none."""
        return str(self._reranking()) if self.re_rank else ""

    def __call__(self, model: EmbeddingModel) -> dict[str, float]:
        """Figures 0..1: mAP, Rank-1, Rank-5, Rank-10, and those after re-ranking ("re-ranked mAP", ...).

        Raises:
            UserError: an image cannot be read, or no query has a true match.
        """
        query, gallery = (self._features(model, split) for split in (self.query, self.gallery))
        figures = _figures(rank_metrics(query, gallery, ranks=RANKS))
        if self.re_rank:
            reranked = rank_metrics(query, gallery, ranks=RANKS, reranking=self._reranking())
            figures |= {f"re-ranked {name}": value for name, value in _figures(reranked).items()}
        return figures

    def _features(self, model: EmbeddingModel, records: Sequence[ImageRecord]) -> LabeledFeatures:
        features = features_of([record.path for record in records], extractor_of(model), batch=self.batch_size)
        return LabeledFeatures.of_records(features, records)

    def _reranking(self) -> KReciprocal:
        return usual_reranking(*(torch.tensor([r.identity for r in split]) for split in (self.query, self.gallery)))


def _figures(result: RankingResult) -> dict[str, float]:
    return {"mAP": result.mAP} | {f"Rank-{rank}": share for rank, share in result.cmc.items()}
