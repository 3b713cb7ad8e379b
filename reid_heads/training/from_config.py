"""A re-ID model from a configuration: its training as a run, its test, its description."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import yaml

from dgnet.core.content import labeled_digest
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.core.numerics import set_numerics
from dgnet.core.settings import resolved
from dgnet.data.checks import check_test_images, nothing_to_measure
from dgnet.data.description import describe_dataset
from dgnet.data.test_splits import USUAL_SPLIT, SplitRule, read_test_data, unmatched_queries
from dgnet.data.training_data import open_dataset
from dgnet.models.build import parameter_count
from dgnet.models.pretrained import read_model
from dgnet.models.registry import build_model
from dgnet.models.reid_model import Option
from dgnet.runs.folder import refuse_foreign_folder
from reid_heads.config import ReIDConfig
from reid_heads.generated.sources import open_generated
from reid_heads.load import find_weights
from reid_heads.run_data import warn_of_training_images
from reid_heads.training.checks import check_training
from reid_heads.training.evaluation import RankingFactory, evaluation_of
from reid_heads.training.trainer import Evaluation, train_model


def train_from_config(
    config: ReIDConfig,
    output: Path,
    new_ranking: RankingFactory,
    draw: Callable[[Path], None] | None = None,
    *,
    resume: bool = False,
    reset: bool = False,
    max_hours: float | None = None,
) -> None:
    """Train the model that a configuration describes, as the run `output/outputs/NAME`.

    Args:
        new_ranking: measures it, such as `eval.reid.evaluator.RankingEvaluator`.
        draw: draws its curves, such as `visual.drawing.run_curves.draw_run_curves`; gets the run's folder.
        resume: continue the run of that name from its last checkpoint.
        reset: move an old run of that name aside, once everything else has been checked.
        max_hours: save and stop after so many hours.

    Raises:
        RunStopped: the run was asked to stop; it has saved.
        UserError: `resume` and `reset`, or as `reid_heads.training.trainer.train_model`.
    """
    if resume and reset:
        raise UserError("--reset begins a new run and --resume continues the old one: give one of them")
    folder, logs = output / "outputs" / config.name, output / "logs" / config.name
    with Distributed.start(config.run.device) as distributed:
        if not reset:
            # Before the minutes in which the images are decoded.
            distributed.on_main(lambda: refuse_foreign_folder(folder, logs, resume))
        dataset = open_dataset(config.data, distributed)
        untested = nothing_to_measure(dataset) if config.test.every else "test.every is 0"
        evaluation, tested = None, ""
        if untested is None:
            tested = labeled_digest([*dataset.query, *dataset.gallery])
            size = config.data.height, config.data.width
            evaluation = evaluation_of(dataset, config.test, *size, config.model.name, new_ranking)
            distributed.on_main(lambda: check_test_images(dataset))
        train_model(
            config,
            dataset,
            open_generated(config.generated, dataset, distributed.device),
            folder,
            curves=logs,
            distributed=distributed,
            resume=resume,
            reset=reset,
            max_hours=max_hours,
            evaluation=None
            if evaluation is None
            else Evaluation(evaluation, evaluation.protocol, evaluation.ranking.reranking, tested),
            untested=untested,
            draw=draw,
        )


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
        new_ranking: as in `train_from_config`.
        split: how queries and gallery are taken from the data set, which needs no training images.
        size: height and width of the images in pixels, as far as they are asked for. A file of ours tells its own; of
            another system's the model's usual ones are the default.
        asked_options: those of the model that a user gave, which the file may not contradict.

    Raises:
        UserError: the file holds no such model, or one of another size or with other options, or there is nothing to
            measure on the data set.
    """
    path = find_weights(path)
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
        f"{len(dataset.query):,} queries, {unmatched_queries(dataset):,} of them without a match by another camera, "
        "left out of every mean",
    )
    return ModelFigures(figures, described)


def describe_config(config: ReIDConfig) -> str:
    """What a run with this configuration would train: its settings as YAML, the data and the model's size as comments,
    and what the training would refuse, as far as that is known without its images.

    Raises:
        UserError: the data set cannot be read, or the model cannot be built.
    """
    distributed = Distributed.start(config.run.device)
    dataset = open_dataset(config.data, distributed)
    model = build_model(config.model.name, len(dataset.identities), **config.model.options)
    lines = [
        *describe_dataset(dataset).splitlines(),
        f"{model.name}: {parameter_count(model):,} parameters, {parameter_count(model.deployed()):,} deployed",
    ]
    try:
        check_training(config, dataset, distributed)
    except UserError as error:
        lines.append(f"refused: {error}")
    return yaml.safe_dump(resolved(config), sort_keys=False) + "\n".join(f"# {line}" for line in lines)
