"""The joint training of DG-Net: generator, discriminator and appearance encoder."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from dgnet.config import Config, resolved
from dgnet.core.device import Precision
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.core.numerics import set_training_numerics
from dgnet.core.random_draws import rng
from dgnet.data.pairs import PairBatch
from dgnet.data.records import Dataset
from dgnet.data.training_data import pair_source, require_batch
from dgnet.layers.compiled import compile_small_functions
from dgnet.models.build import build_discriminator, build_generator
from dgnet.models.discriminator import MultiScaleDiscriminator
from dgnet.models.generator import Generator
from dgnet.models.ide import IDE
from dgnet.models.people import require_initial_people
from dgnet.models.reid_model import ReIDModel
from dgnet.runs.load import KIND
from dgnet.runs.resume import warn_of_initial_images
from dgnet.runs.run import Run
from dgnet.training.batch import JointBatch
from dgnet.training.optimizers import Optimizers
from dgnet.training.record import StepRecord
from dgnet.training.schedule import describe_unused_terms
from dgnet.training.step import JointStep
from dgnet.training.task import StepLog, TrainingPlan, TrainingTask, is_due
from dgnet.training.teacher_ensemble import TeacherEnsemble
from dgnet.training.training_loop import run_training

# Draws samples, swaps of the same images at every iteration, into a file.
DrawSamples = Callable[[Generator, Path], None]


@dataclass(frozen=True)
class JointTraining:
    """Networks, optimizers and gradient scalers: all that training changes, and so all that a checkpoint needs."""

    generator: Generator
    discriminator: MultiScaleDiscriminator
    optimizers: Optimizers
    precision: tuple[Precision, Precision]

    @classmethod
    def fresh(
        cls, config: Config, identities: int, distributed: Distributed, pretrained: bool = True
    ) -> "JointTraining":
        """Networks with their initial weights, the same on every process; `pretrained` as in `build_generator`."""
        compile_small_functions(config.run.compile, distributed.device)
        torch.manual_seed(config.run.seed)
        layout = torch.channels_last if config.run.channels_last else torch.contiguous_format
        generator = build_generator(config, identities, pretrained).to(distributed.device)
        generator = generator.to(memory_format=layout).train()
        discriminator = build_discriminator(config).to(distributed.device).to(memory_format=layout).train()
        if config.run.sync_batch_norm:
            generator.appearance.backbone = distributed.synchronize_batch_norm(generator.appearance.backbone)
            generator.structure = distributed.synchronize_batch_norm(generator.structure)
        for network in (generator, discriminator):
            distributed.broadcast_module(network)
        d_precision, g_precision = (Precision(config.run.precision, distributed.device) for _ in range(2))
        return cls(generator, discriminator, Optimizers(generator, discriminator, config), (d_precision, g_precision))

    def step(self, teachers: TeacherEnsemble, distributed: Distributed, config: Config) -> JointStep:
        """The step that trains all this."""
        return JointStep(
            self.generator, self.discriminator, teachers, self.optimizers, self.precision, distributed, config
        )

    def state_dict(self) -> dict[str, Any]:
        return {
            "generator": self.generator.state_dict(),
            "discriminator": self.discriminator.state_dict(),
            "optimizers": self.optimizers.state_dict(),
            "precision": [precision.state_dict() for precision in self.precision],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.generator.load_state_dict(state["generator"])
        self.discriminator.load_state_dict(state["discriminator"])
        self.optimizers.load_state_dict(state["optimizers"])
        for precision, stored in zip(self.precision, state["precision"], strict=True):
            precision.load_state_dict(stored)


class JointTask(TrainingTask[PairBatch]):
    """The joint training as the training loop needs it."""

    kind = KIND

    def __init__(
        self,
        training: JointTraining,
        teachers: TeacherEnsemble,
        distributed: Distributed,
        config: Config,
        draw: DrawSamples | None = None,
    ) -> None:
        self.training, self.distributed, self.config = training, distributed, config
        self.networks = {"generator": training.generator, "discriminator": training.discriminator}
        self._numerics = set_training_numerics(distributed.device, config.run)
        self._step = training.step(teachers, distributed, config)
        self._draw = draw

    def step(self, batch: PairBatch, iteration: int) -> StepLog:
        config = self.config
        joint_batch = JointBatch.of(batch, erasing=config.data.erasing > 0)
        return self.log(self._step(joint_batch, iteration, trains_structure_encoder(config, iteration + 1)))

    def log(self, record: StepRecord) -> StepLog:
        """The record for the log: each term added up over a and b, the discriminator's named `discriminator_...`."""
        terms = {f"discriminator_{name}": values.sum() for name, values in record.discriminator.items()}
        terms |= {name: values.sum() for name, values in record.generator.items()}
        return StepLog(
            terms,
            asdict(record.weights),
            learning_rates=self.training.optimizers.rates(),
            images=self.config.run.batch_size * 2 * self.distributed.world_size,
            others={"precision/skipped_steps": float(sum(p.skipped_steps for p in self.training.precision))},
        )

    def introduction(self) -> Sequence[str]:
        weights = self.training.generator.appearance.backbone.initial_weights or _weights_named(self.config)
        return (
            str(self._numerics),
            f"the appearance encoder began with {weights or 'random weights'}",
            *filter(None, [describe_unused_terms(self.config)]),
        )

    def draw(self, run: Run, iteration: int) -> None:
        due = is_due(self.config.run.image_every, iteration, self.config.schedule.iterations)
        if due and self._draw is not None:
            picture = run.images / f"{iteration:08d}.png"
            self.distributed.on_main(partial(self._draw, self.training.generator, picture))

    def depends_on_length(self) -> str:
        schedule = self.config.schedule
        if self.config.short_training.decay == "linear" and schedule.iterations > schedule.step_size:
            return "Every learning rate falls evenly to 0 at the last iteration (short_training.decay=linear)"
        return ""

    def state_dict(self) -> dict[str, Any]:
        return {"config": resolved(self.config), **self.training.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.training.load_state_dict(state)


def train(
    config: Config,
    dataset: Dataset,
    teachers: list[ReIDModel],
    open_run: Callable[[], Run],
    distributed: Distributed,
    draw: DrawSamples | None = None,
    pretrained: bool = True,
) -> None:
    """Train from the run's latest checkpoint (or the start) to `config.schedule.iterations`.

    Args:
        teachers: that label the swapped images; empty for label rules that need none.
        draw: draws the fixed picture grid every `config.run.image_every` iterations.
        pretrained: read `appearance.weights`; a run that goes on from a checkpoint needs no such file any more.

    Raises:
        RunStopped: the run was asked to stop; it has saved.
        UserError: settings, data and weights that do not go together; figures that are not finite.
    """
    identities = len(dataset.identities)
    require_batch(config.data, dataset, "run.batch_size", config.run.batch_size, distributed)
    source = pair_source(config.data, dataset, config.run.batch_size, config.run.seed, distributed)
    training = JointTraining.fresh(config, identities, distributed, pretrained)
    require_initial_people(training.generator.appearance.backbone, dataset)
    warn_of_initial_images(training.generator.appearance.backbone, config.appearance.weights, dataset)
    if config.short_training.from_teacher:
        begin_from_teacher(training.generator, teachers)
    ensemble = TeacherEnsemble(teachers, config.teacher.label, config.loss.batch_statistics_when_frozen, identities)
    plan = TrainingPlan(
        iterations=config.schedule.iterations,
        log_every=config.run.log_every,
        save_every=config.run.checkpoint_every,
        seed=config.run.seed,
        workers=config.data.workers,
    )
    run_training(JointTask(training, ensemble, distributed, config, draw), source, plan, open_run, dataset, distributed)


def _weights_named(config: Config) -> str:
    return f"weights of {config.appearance.weights}" if config.appearance.weights else ""


def begin_from_teacher(generator: Generator, teachers: list[ReIDModel]) -> None:
    """Give the appearance encoder's trunk the weights of the first teacher's, and the primary classifier, if it has the
    teacher's pooling. `UserError` where they do not fit.
    """
    backbone = generator.appearance.backbone
    try:
        backbone.load_state_dict(teachers[0].trunk_state() if teachers else {})
    except RuntimeError as error:
        raise UserError(
            "short_training.from_teacher needs a teacher with the backbone of the appearance encoder "
            "(appearance.backbone, and no appearance.model)"
        ) from error
    teacher, parts = teachers[0], "trunk"
    # The classifier of an IDE takes the mean over the feature map.
    if isinstance(teacher, IDE) and generator.appearance.pooling == "avg":
        generator.appearance.primary.load_state_dict(teacher.classifier.state_dict())
        parts = "trunk and the classifier"
    backbone.initial_weights = f"the {parts} of the teacher (short_training.from_teacher)"


def trains_structure_encoder(config: Config, iteration: int) -> bool:
    """The random draw of an iteration, one for all processes: do the terms train the structure encoder this time?"""
    return float(rng(config.run.seed, "encode again", iteration).random()) < config.loss.structure_encoder_probability
