"""A re-ID model from a configuration: its training as a run, and its description."""

from collections.abc import Callable
from pathlib import Path

import yaml

from dgnet.core.content import labeled_digest
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.core.section import resolved
from dgnet.core.settings import settings_of
from dgnet.data.checks import check_test_images, nothing_to_measure
from dgnet.data.description import describe_dataset
from dgnet.data.training_data import open_dataset
from dgnet.models.build import parameter_count
from dgnet.models.registry import build_model
from dgnet.runs.folder import refuse_foreign_folder
from reid_heads.config import ReIDConfig
from reid_heads.generated.sources import open_generated
from reid_heads.training.checks import check_training
from reid_heads.training.components import describe_unused_schedule
from reid_heads.training.evaluation import Evaluation, RankingFactory, evaluation_of
from reid_heads.training.trainer import train_model


def train_from_config(
    config: ReIDConfig | str | Path,
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
        config: the configuration, or the path of its YAML file.
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
    config = settings_of(ReIDConfig, config)
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
        *describe_unused_schedule(config),
    ]
    try:
        check_training(config, dataset, distributed)
    except UserError as error:
        lines.append(f"refused: {error}")
    return yaml.safe_dump(resolved(config), sort_keys=False) + "\n".join(f"# {line}" for line in lines)
