"""The accuracy of a trained re-ID model on the data set of a configuration."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.core.numerics import set_numerics
from dgnet.data.description import describe_dataset
from dgnet.data.query_gallery import USUAL_SPLIT, SplitRule, read_test_data, unmatched_queries
from dgnet.data.training_data import open_dataset
from dgnet.models.read_model import read_model
from dgnet.models.reid_model import Option
from reid_heads.config import ReIDConfig
from reid_heads.load import find_reid_model
from reid_heads.run_data import warn_of_training_images
from reid_heads.training.evaluation import RankingFactory, evaluation_of


@dataclass(frozen=True)
class ModelFigures:
    """The figures 0..1 of a trained model, without and with re-ranking, and what they are figures of."""

    figures: dict[str, float]
    described: tuple[str, ...]

    def __str__(self) -> str:
        figures = (f"{name:<20}{100 * value:6.2f} %" for name, value in self.figures.items())
        return "\n".join([*self.described, *figures])


def measure_model(
    config: ReIDConfig,
    path: Path,
    name: str | None,
    new_ranking: RankingFactory,
    split: SplitRule = USUAL_SPLIT,
    size: tuple[int | None, int | None] = (None, None),
    asked_options: Mapping[str, Option] = MappingProxyType({}),
) -> ModelFigures:
    """Measure a trained model on the configuration's data set.

    Args:
        path: its file, or the folder of its run.
        name: of the model; files of other systems do not say it, and those of ours are checked.
        new_ranking: ranks, such as `eval.reid.evaluator.RankingEvaluator`.
        split: how queries and gallery are taken from the data set, which needs no training images.
        size: height and width of the images in pixels, as far as they are asked for. A file of ours tells its own; of
            another system's the model's usual ones are the default.
        asked_options: those of the model that a user gave, which the file may not contradict.

    Raises:
        UserError: the file holds no such model, or one of another size or with other options, or there is nothing to
            measure on the data set.
    """
    path = find_reid_model(path)
    distributed = Distributed.start(config.run.device)
    set_numerics(distributed.device)
    options = config.model.options if name == config.model.name else {}
    stored = read_model(path, name, distributed.device, **options)
    for key, value in asked_options.items():
        if (held := stored.network.options.get(key)) != value:
            raise UserError(f"{path}: {key} of its model is {held!r}: leave out model.options.{key}, got {value!r}")
    height, width = (asked or usual for asked, usual in zip(size, (stored.height, stored.width), strict=True))
    if stored.identities and (height, width) != (stored.height, stored.width):
        raise UserError(
            f"{path}: was trained on images of {stored.height}x{stored.width} and is tested on such: leave out the "
            f"size, got {height}x{width}"
        )
    if config.data.layout == "synthetic":
        whole = open_dataset(config.data, distributed)
    else:
        whole = read_test_data(config.data.root, config.data.layout)
    dataset = split.of(whole)
    warn_of_training_images(path, dataset)
    settings, model = config.test.model_copy(update={"re_rank": True}), stored.network
    evaluation = evaluation_of(dataset, settings, height, width, model.name, new_ranking)
    began = time.perf_counter()
    figures = evaluation(model)
    described = (
        describe_dataset(whole),
        f"{model.name} from {path}, {height}x{width}, {time.perf_counter() - began:.1f} s",
        ", ".join(part for part in (evaluation.protocol, str(split)) if part)
        + f"; re-ranked: {evaluation.ranking.reranking}",
        f"{len(dataset.query):,} queries, {unmatched_queries(dataset):,} of them without a true match, left out of "
        "every mean",
    )
    return ModelFigures(figures, described)
