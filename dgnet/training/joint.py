"""DG-Net's training, readable from top to bottom."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dgnet.config import Config, resolved
from dgnet.core.device import Precision, peak_memory_bytes
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.core.random_draws import iteration_seed, rng
from dgnet.data.prefetch import Prefetcher
from dgnet.data.records import Dataset
from dgnet.data.training_data import pair_source
from dgnet.layers.compiled import compile_small_functions
from dgnet.models.build import build_discriminator, build_generator
from dgnet.models.discriminator import MultiScaleDiscriminator
from dgnet.models.generator import Generator
from dgnet.models.teacher import Teacher
from dgnet.runs.load import KIND
from dgnet.runs.resume import learned_from, state_to_go_on_from
from dgnet.runs.run import Run
from dgnet.training.batch import JointBatch
from dgnet.training.optimizers import Optimizers
from dgnet.training.record import StepRecord
from dgnet.training.step import JointStep
from dgnet.training.teacher_ensemble import Teaching

# Draws the fixed picture grid of an iteration into a file.
Draw = Callable[[Generator, Path], None]


@dataclass(frozen=True)
class JointTraining:
    """Everything that moves: networks, optimizers, gradient scalers. `state_dict` is all that a checkpoint needs."""

    generator: Generator
    discriminator: MultiScaleDiscriminator
    optimizers: Optimizers
    precision: tuple[Precision, Precision]

    @classmethod
    def fresh(cls, config: Config, identities: int, distributed: Distributed) -> "JointTraining":
        """Networks with their initial weights, the same on every process."""
        compile_small_functions(config.run.compile, distributed.device)
        torch.manual_seed(config.run.seed)
        layout = torch.channels_last if config.run.channels_last else torch.contiguous_format
        generator = build_generator(config, identities).to(distributed.device)
        generator = generator.to(memory_format=layout).train()
        discriminator = build_discriminator(config).to(distributed.device).to(memory_format=layout).train()
        if config.run.sync_batch_norm:
            generator.appearance.backbone = distributed.synchronize_batch_norm(generator.appearance.backbone)
        for network in (generator, discriminator):
            distributed.broadcast_module(network)
        judging, learning = (Precision(config.run.precision, distributed.device) for _ in range(2))
        return cls(generator, discriminator, Optimizers(generator, discriminator, config), (judging, learning))

    def step(self, teaching: Teaching, distributed: Distributed, config: Config) -> JointStep:
        """The step that moves all this."""
        return JointStep(
            self.generator, self.discriminator, teaching, self.optimizers, self.precision, distributed, config
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


def train(
    config: Config,
    dataset: Dataset,
    teachers: list[Teacher],
    open_run: Callable[[], Run],
    distributed: Distributed,
    draw: Draw,
) -> int:
    """Train from the run's latest checkpoint (or the start) to `config.schedule.iterations`, or until told to stop.

    `open_run` is called when all that the settings ask for could be built: what is refused before leaves no folder.
    Returns the exit status.
    """
    identities, device = len(dataset.identities), distributed.device
    source = pair_source(config.data, dataset, config.run.batch_size, config.run.seed, distributed)
    training = JointTraining.fresh(config, identities, distributed)
    if config.appearance.from_teacher:
        begin_from_teacher(training.generator, teachers)
    run = open_run()
    run.say(f"computes in {training.precision[0].name}")
    learns = learned_from(dataset, distributed.world_size)
    if path := run.latest_checkpoint():
        training.load_state_dict(state_to_go_on_from(path, KIND, dataset, device, learns))
    teaching = Teaching(teachers, config.teacher.style, config.loss.batch_statistics_when_frozen, identities)
    step = training.step(teaching, distributed, config)
    described = {"kind": KIND, "config": resolved(config), **learns}
    clock = Clock(config.run.batch_size * 2 * distributed.world_size)

    with run, Prefetcher(source, run.start, config.data.workers, device) as batches:
        pending: tuple[int, StepRecord] | None = None
        for iteration in run.iterations(run.start, config.schedule.iterations):
            torch.manual_seed(iteration_seed(config.run.seed, iteration, distributed.rank))
            batch = JointBatch.of(next(batches), erasing=config.data.erasing > 0)
            record = step(batch, iteration - 1, encodes_again(config, iteration))
            # The record before this one: asking for the newest would make the processor wait for the GPU.
            require_finite(pending, run)
            pending = iteration, record

            if run.is_time_to(config.run.log_every, iteration):
                log(run, iteration, record, training, clock, device, batches.waited_s, distributed)
            if run.is_time_to(config.run.image_every, iteration) and distributed.is_main:
                draw(training.generator, run.images / f"{iteration:08d}.png")
            if run.is_time_to(config.run.checkpoint_every, iteration) or run.should_stop:
                require_finite(pending, run)
                require_finite_state(training, iteration, run)
                run.save(iteration, {**described, "iteration": iteration, **training.state_dict()})
            if run.should_stop:
                break
    return run.exit_status


def begin_from_teacher(generator: Generator, teachers: list[Teacher]) -> None:
    """Give the appearance encoder's trunk the weights of the first teacher's. `UserError` where they do not fit."""
    backbone = generator.appearance.backbone
    try:
        backbone.load_state_dict(teachers[0].backbone.state_dict() if teachers else {})
    except RuntimeError as error:
        raise UserError(
            "appearance.from_teacher needs a teacher with the backbone of the appearance encoder "
            "(appearance.backbone, and no appearance.head)"
        ) from error


def encodes_again(config: Config, iteration: int) -> bool:
    """The coin of an iteration, one for all processes: does the live structure encoder learn on generated images?"""
    return float(rng(config.run.seed, "encode again", iteration).random()) < config.loss.encode_again


def require_finite(pending: tuple[int, StepRecord] | None, run: Run) -> None:
    """Stop the run at the first term that is not a number, before anything of it is saved."""
    if pending is None:
        return
    iteration, record = pending
    terms = {f"discriminator {name}": halves for name, halves in record.discriminator.items()} | record.generator
    values = torch.stack([halves.sum() for halves in terms.values()]).tolist()
    for name, value in zip(terms, values, strict=True):
        if not math.isfinite(value):
            raise UserError(f"the term {name!r} is {value} at iteration {iteration}; {what_is_left(run)}")


def require_finite_state(training: JointTraining, iteration: int, run: Run) -> None:
    """Stop the run rather than save weights that are not numbers: the terms would show them one iteration later."""
    state = {
        f"{name}.{key}": value
        for name, network in (("generator", training.generator), ("discriminator", training.discriminator))
        for key, value in network.state_dict().items()
    }
    finite = torch.stack([value.isfinite().all() for value in state.values()])
    if not finite.all():
        first = next(key for key, good in zip(state, finite.tolist(), strict=True) if not good)
        raise UserError(f"the weights {first!r} are not finite after iteration {iteration}; {what_is_left(run)}")


def what_is_left(run: Run) -> str:
    """The end of the sentence that stops a run."""
    kept = run.latest_checkpoint()
    return "the run stops, " + (f"its last good state is {kept}" if kept else "nothing had been saved yet")


class Clock:
    """Images per second between two questions."""

    def __init__(self, images_per_iteration: int) -> None:
        self._images = images_per_iteration
        self._last: tuple[int, float] | None = None

    def images_per_second(self, iteration: int) -> float | None:
        """Since the last question; None the first time (building and compiling are no steady speed)."""
        now, last = time.perf_counter(), self._last
        self._last = iteration, now
        return None if last is None else (iteration - last[0]) * self._images / (now - last[1])


def log(
    run: Run,
    iteration: int,
    record: StepRecord,
    training: JointTraining,
    clock: Clock,
    device: torch.device,
    waited_s: float,
    distributed: Distributed,
) -> None:
    """Every term unweighted (halves added) with its weight, the discriminator's under their own names."""
    terms: dict[str, Tensor] = {name: halves.sum() for name, halves in record.generator.items()}
    terms |= {f"discriminator_{name}": halves.sum() for name, halves in record.discriminator.items()}
    run.log(
        iteration,
        distributed.mean(terms),
        asdict(record.weights),
        learning_rates=training.optimizers.rates(),
        images_per_second=clock.images_per_second(iteration),
        memory_bytes=peak_memory_bytes(device),
        others={
            "loader/waited_s": waited_s,
            "precision/skipped_steps": float(sum(precision.skipped_steps for precision in training.precision)),
        },
    )
