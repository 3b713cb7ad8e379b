"""mAP and Rank-k of a head on a data set's test split."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dgnet.core.errors import UserError
from dgnet.data.records import Dataset, Record
from dgnet.models.embedding import model_embedding
from dgnet.models.registry import model_class
from dgnet.models.reid_model import ReIDModel
from eval.images.extractor import features_of
from eval.reid.labeled_features import LabeledFeatures
from eval.reid.ranking import RankingResult, rank_metrics
from eval.reid.rerank import KReciprocal
from reid_heads.config import TestConfig
from reid_heads.loaded_model import LoadedModel
from tools.evaluation.accuracy import usual_reranking
from tools.evaluation.reid_extractor import extractor_of

RANKS = (1, 5, 10)


@dataclass(frozen=True)
class ModelFigures:
    """Measures heads on query and gallery, whose images are decoded for each test: kept they would take gigabytes."""

    dataset: Dataset
    settings: TestConfig
    height: int
    width: int
    mirrored: bool  # image and mirror image added
    reranking: KReciprocal | None  # None: figures without re-ranking alone

    @property
    def protocol(self) -> str:
        """What decides whether figures may be compared (re-ranked ones: `reranking`, too)."""
        return f"protocol standard, {'image and mirror image' if self.mirrored else 'image alone'}"

    def __call__(self, head: ReIDModel) -> dict[str, float]:
        """Figures 0..1: mAP, Rank-1, Rank-5, Rank-10, and those after re-ranking. The head keeps its modes."""
        embed = model_embedding(head, self.mirrored)
        extractor = extractor_of(LoadedModel(head.name, head, embed, (), self.height, self.width, self.mirrored))
        query, gallery = (
            LabeledFeatures.of_records(
                features_of([record.path for record in split], extractor, batch=self.settings.batch_size), split
            )
            for split in (self.dataset.query, self.dataset.gallery)
        )
        found = _named(rank_metrics(query, gallery, ranks=RANKS))
        if self.reranking:
            found |= _named(rank_metrics(query, gallery, ranks=RANKS, reranking=self.reranking), "re-ranked ")
        return found


def figures_of(dataset: Dataset, settings: TestConfig, height: int, width: int, name: str) -> ModelFigures | None:
    """What measures heads of that name by the protocol `standard` (`eval.reid.ranking`); None for a data set without a
    test
    split.

    With `settings.re_rank` also after re-ranking, by the parameters of `usual_reranking`.

    Raises:
        UserError: no query can be found in the gallery.
    """
    if not dataset.query or not dataset.gallery:
        return None
    _refuse_pointless(dataset)
    identities = (_column(split, "identity") for split in (dataset.query, dataset.gallery))
    mirrored = model_class(name).adds_mirror_image if settings.mirrored is None else settings.mirrored
    reranking = usual_reranking(*identities) if settings.re_rank else None
    return ModelFigures(dataset, settings, height, width, mirrored, reranking)


def _named(result: RankingResult, prefix: str = "") -> dict[str, float]:
    ranks = {f"{prefix}Rank-{rank}": share for rank, share in result.cmc.items()}
    return {f"{prefix}mAP": result.mAP, **ranks}


def _column(records: Sequence[Record], name: str) -> Tensor:
    return torch.tensor([getattr(record, name) for record in records])


def _refuse_pointless(dataset: Dataset) -> None:
    """What would end a run at its first test is said before it begins."""
    cameras: dict[int, set[int]] = defaultdict(set)
    for record in dataset.gallery:
        cameras[record.identity].add(record.camera)
    if not any(cameras[query.identity] - {query.camera} for query in dataset.query):
        raise UserError(
            f"{dataset.root}: no query has an image of its identity from another camera in the gallery, so nothing can "
            "be measured; test.every=0 trains without testing"
        )
