"""Training of a re-ID model, with generated images or without: from a data set to the best weights of a run."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from dgnet.core.distributed import Distributed
from dgnet.core.section import resolved
from dgnet.data.records import Dataset
from dgnet.models.people import require_initial_people
from dgnet.models.pretrained import load_pretrained
from dgnet.models.registry import build_model
from dgnet.models.reid_model import ReIDModel
from dgnet.runs.checkpoint import list_checkpoints
from dgnet.runs.folder import move_aside
from dgnet.runs.resume import warn_of_initial_images
from dgnet.runs.run import Run
from dgnet.training.task import TrainingPlan
from dgnet.training.training_loop import run_training
from reid_heads.config import ReIDConfig
from reid_heads.generated.sources import GeneratedSource, StoredImages
from reid_heads.training.best_checkpoint import BestCheckpoint, Figures
from reid_heads.training.components import (
    build_objective,
    reid_source,
    uses_distillation,
)
from reid_heads.training.evaluation import Evaluation
from reid_heads.training.task import ReIDTask

# Settings that change what is written, where or how fast, not what is computed.
MAY_CHANGE = (
    "data.root",
    "data.workers",
    "run.checkpoint_every",
    "run.device",
    "run.keep_checkpoints",
    "run.log_every",
    "test",
)
# How long it trains: a run may be made longer.
LENGTH = "schedule.epochs"


@dataclass(frozen=True)
class TrainingResult:
    """The model after its last iteration, its last figures (empty without tests) and the file of its best weights."""

    model: ReIDModel
    figures: Figures
    best: Path | None


def train_model(
    config: ReIDConfig,
    dataset: Dataset,
    generated: GeneratedSource | None,
    folder: Path,
    *,
    curves: Path,
    distributed: Distributed,
    resume: bool = False,
    reset: bool = False,
    max_hours: float | None = None,
    evaluation: Evaluation | None = None,
    untested: str | None = None,
    draw: Callable[[Path], None] | None = None,
) -> TrainingResult:
    """Train a re-ID model as the run in `folder` (see `dgnet.runs.run`), TensorBoard's files in `curves`.

    Args:
        generated: where generated images come from (`reid_heads.generated.sources.open_generated`); None: real images
            alone.
        reset: an old run in `folder` moves aside (`dgnet.runs.folder.move_aside`), once nothing is refused any more.
        evaluation: how the model is measured every `config.test.every` epochs and after the last; None: it is not.
        untested: why it is not, for the log.
        draw: is given the run's folder whenever an epoch has ended, to draw its curves.

    Raises:
        RunStopped: the run was asked to stop; it has saved.
        UserError: settings, data, weights and generated images that do not go together; a loss that is not finite.
    """
    settings = config.run
    source = reid_source(config, dataset, generated, distributed)
    torch.manual_seed(settings.seed)
    model = build_model(config.model.name, len(dataset.identities), **config.model.options)
    if config.model.weights is not None and resume and list_checkpoints(folder / "checkpoints"):
        model.initial_weights = f"weights of {config.model.weights}"  # they may be gone: the checkpoint has all
    elif config.model.weights is not None:
        load_pretrained(model, config.model.weights, config.model.new_classifier)
        require_initial_people(model, dataset)
        warn_of_initial_images(model, config.model.weights, dataset)
    objective = build_objective(config, model).to(distributed.device)
    layout = torch.channels_last if settings.channels_last else torch.contiguous_format
    model = model.to(distributed.device, memory_format=layout).train()  # type: ignore[call-overload]
    if settings.sync_batch_norm:
        model = distributed.synchronize_batch_norm(model)
    for network in (model, objective):
        distributed.broadcast_module(network)
    measured = evaluation.protocol if evaluation else "", evaluation.data if evaluation else ""
    best = BestCheckpoint(folder, uses_distillation(config), *measured)
    task = ReIDTask(config, dataset, source, model, objective, distributed, best, evaluation, untested, draw)

    def open_run() -> Run:
        moved = distributed.on_main(lambda: move_aside(folder, curves)) if reset else None
        run = Run.open(
            folder,
            resolved(config),
            curves=curves,
            resume=resume,
            may_change=(*MAY_CHANGE, LENGTH),
            defaults=resolved(ReIDConfig()),
            max_hours=max_hours,
            keep=settings.keep_checkpoints,
            distributed=distributed,
        )
        for old, new in (moved or {}).items():
            run.info(f"{old} is now {new}")
        return run

    epoch = source.iterations_per_epoch
    plan = TrainingPlan(
        iterations=epoch * config.schedule.epochs,
        log_every=settings.log_every,
        save_every=epoch * settings.checkpoint_every,
        seed=settings.seed,
        workers=config.data.workers,
        epoch=epoch,
    )
    fingerprint = b"" if generated is None else generated.fingerprint()
    files = generated.cache.paths if isinstance(generated, StoredImages) else ()
    run_training(task, source, plan, open_run, dataset, distributed, fingerprint, files)
    return TrainingResult(model, best.last, best.path)
