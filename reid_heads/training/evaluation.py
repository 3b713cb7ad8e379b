"""The accuracy of a re-ID model on a data set's test split. What ranks is handed in: this package has no metrics."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from dgnet.core.errors import UserError
from dgnet.data.checks import nothing_to_measure
from dgnet.data.records import Dataset, Record
from dgnet.models.embedding import model_embedding
from dgnet.models.registry import model_class
from dgnet.models.reid_model import ReIDModel
from reid_heads.config import TestConfig
from reid_heads.loaded_model import LoadedModel
from reid_heads.training.best_checkpoint import Figures

# Measures a model, which keeps its mode: figures 0..1 by name, one of them `mAP`.
Evaluate = Callable[[ReIDModel], Figures]


@dataclass(frozen=True)
class Evaluation:
    """How a model is measured while it is trained.

    Args:
        evaluate: measures the model, in the main process.
        protocol: of its figures, logged with them; the best model is the best by one protocol.
        reranking: the parameters of its re-ranked figures, logged with them.
        data: a hash of the images and labels that it is measured on; the best model is the best on these.
    """

    evaluate: Evaluate
    protocol: str = ""
    reranking: str = ""
    data: str = ""


@runtime_checkable
class Ranking(Protocol):
    """Ranks a gallery for each query by a model's features; `eval.reid.evaluator.RankingEvaluator` is one."""

    @property
    def reranking(self) -> str:
        """The parameters of the re-ranking; empty where there is none."""

    def __call__(self, model: Any, /) -> dict[str, float]:
        """Figures 0..1 by name, one of them "mAP", of a callable on uint8 images with `name`, `height` and `width`."""


@runtime_checkable
class RankingFactory(Protocol):
    """Makes a `Ranking` for queries and a gallery; the class `eval.reid.evaluator.RankingEvaluator` is one."""

    def __call__(
        self, query: Sequence[Record], gallery: Sequence[Record], *, batch_size: int, re_rank: bool
    ) -> Ranking:
        """`re_rank` measures after re-ranking, too."""


@dataclass(frozen=True)
class ModelEvaluation:
    """Measures models by a ranking.

    Args:
        ranking: what ranks.
        height: pixels that images are resized to.
        width: likewise.
        mirrored: whether the embedding of the mirror image is added.
    """

    ranking: Ranking
    height: int
    width: int
    mirrored: bool

    @property
    def protocol(self) -> str:
        """What decides whether figures may be compared (re-ranked ones: `ranking.reranking`, too)."""
        return f"protocol standard, {'image and mirror image' if self.mirrored else 'image alone'}"

    def __call__(self, model: ReIDModel) -> dict[str, float]:
        """Figures 0..1 by name. The model keeps its modes."""
        embedding = model_embedding(model, self.mirrored)
        return self.ranking(LoadedModel(model.name, model, embedding, (), self.height, self.width, self.mirrored))


def evaluation_of(
    dataset: Dataset, settings: TestConfig, height: int, width: int, name: str, new_ranking: RankingFactory
) -> ModelEvaluation:
    """What measures models of that name on the test split of a data set.

    Raises:
        UserError: there is nothing to measure.
    """
    if reason := nothing_to_measure(dataset):
        raise UserError(f"{dataset.root}: nothing can be measured here, {reason}")
    mirrored = model_class(name).adds_mirror_image if settings.mirrored is None else settings.mirrored
    ranking = new_ranking(dataset.query, dataset.gallery, batch_size=settings.batch_size, re_rank=settings.re_rank)
    return ModelEvaluation(ranking, height, width, mirrored)
