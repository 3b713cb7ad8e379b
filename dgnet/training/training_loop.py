"""The training loop of DG-Net, of its teacher and of the re-ID models.

The loop opens the run, resumes, seeds, asks for batches, steps, checks that all figures are finite, logs, tests, draws,
saves and stops. Everything that differs is in a `TrainingTask`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from dgnet.core.device import peak_memory_bytes
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.core.random_draws import iteration_seed
from dgnet.data.prefetch import Batch, Prefetcher, Source
from dgnet.data.records import Dataset
from dgnet.runs.resume import data_fingerprint, load_resume_state
from dgnet.runs.run import Run
from dgnet.training.throughput import Throughput

SomeBatch = TypeVar("SomeBatch", bound=Batch)


@dataclass(frozen=True)
class TrainingPlan:
    """How long a training is, and when it logs and saves. All are iterations; a log or a save also follows the last.

    Args:
        iterations: of the whole training.
        epoch: iterations of one epoch, whose end is logged, too; 0 for trainings that count none.
        seed: of the random numbers of each iteration.
        workers: threads that make batches.
    """

    iterations: int
    log_every: int
    save_every: int
    seed: int
    workers: int
    epoch: int = 0

    def ends_epoch(self, iteration: int) -> bool:
        """Whether an epoch is complete after so many iterations."""
        return self.epoch > 0 and iteration % self.epoch == 0

    def logs(self, iteration: int) -> bool:
        """Whether the log gets a row after so many iterations."""
        return is_due(self.log_every, iteration, self.iterations) or self.ends_epoch(iteration)

    def saves(self, iteration: int) -> bool:
        """Whether a checkpoint is due after so many iterations; a run that is asked to stop saves in any case."""
        return is_due(self.save_every, iteration, self.iterations)


def is_due(every: int, iteration: int, iterations: int) -> bool:
    """Whether what happens `every` so many iterations (0: never), and after the last, happens after this one.

    Example:
        >>> [iteration for iteration in range(1, 8) if is_due(3, iteration, iterations=7)]
        [3, 6, 7]
    """
    return every > 0 and (iteration % every == 0 or iteration == iterations)


@dataclass(frozen=True)
class StepLog:
    """What one step measured: unweighted terms (scalars) with their weights, and other figures for the log.

    Args:
        images: of the step, in all processes.
    """

    terms: Mapping[str, Tensor]
    weights: Mapping[str, float]
    learning_rates: Mapping[str, float]
    images: int
    others: Mapping[str, float | Tensor] = field(default_factory=dict)


class TrainingTask(ABC, Generic[SomeBatch]):
    """What is trained, how one step goes, and what its checkpoints hold.

    `kind` is what checkpoints say under "kind"; `networks` are checked to have finite weights before they are saved.
    """

    kind: str
    networks: Mapping[str, nn.Module]

    @abstractmethod
    def step(self, batch: SomeBatch, iteration: int) -> StepLog:
        """Train on the batch of `iteration` (from 0). The random numbers are those of the iteration."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """All that a resumed training needs, as `dgnet.core.checkpoint.save_checkpoint` takes it."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` returned."""

    def introduction(self) -> Sequence[str]:
        """Messages for the log before the first step."""
        return ()

    def message(self, log: StepLog, iteration: int) -> str | None:
        """The line on stderr for a logged iteration (counted from 1), if it gets one."""
        return None

    def test(self, run: Run, iteration: int) -> Mapping[str, float]:
        """Figures measured after an iteration, for its row in the log; called after every iteration."""
        return {}

    def draw(self, run: Run, iteration: int) -> None:
        """Draw pictures after an iteration; called after every one, once its figures are logged."""

    def advice(self) -> str:
        """What to do about a loss that is not finite, as the part of a sentence."""
        return ""


def run_training(
    task: TrainingTask[SomeBatch],
    source: Source[SomeBatch],
    plan: TrainingPlan,
    open_run: Callable[[], Run],
    dataset: Dataset,
    distributed: Distributed,
    generated: bytes = b"",
) -> Run:
    """Train `task` from the run's latest checkpoint (or the start) to the last iteration of `plan`.

    Args:
        open_run: opens the run. It is called after everything else has been built, so that settings which are
            refused leave no folder behind.
        generated: the fingerprint of generated images in the batches; empty for none.

    Returns:
        The run, closed.

    Raises:
        RunStopped: the run was asked to stop; it has saved.
        UserError: a term or weight is not finite, or the checkpoint is one of another training.
    """
    run = open_run()
    fingerprint = data_fingerprint(dataset, distributed.world_size, generated)
    if path := run.latest_checkpoint():
        task.load_state_dict(load_resume_state(path, task.kind, dataset, distributed.device, fingerprint))

    with run, Prefetcher(source, run.start, plan.workers, distributed.device) as batches:
        for message in task.introduction():
            run.info(message)
        throughput = Throughput()
        previous: tuple[int, StepLog] | None = None
        for iteration in run.iterations(plan.iterations):
            torch.manual_seed(iteration_seed(plan.seed, iteration, distributed.rank))
            throughput.start()
            log = task.step(next(batches), iteration - 1)

            stops = run.should_stop()
            saves, logs = stops or plan.saves(iteration), plan.logs(iteration)
            # The newest figures make the processor wait for the GPU; those of the iteration before are there already.
            if previous is not None:
                require_finite(*previous, task, run)
            if saves or logs:
                require_finite(iteration, log, task, run)
            previous = iteration, log
            throughput.count(log.images)

            if logs and (line := task.message(log, iteration)):
                run.info(line)
            if plan.ends_epoch(iteration):
                seconds, images_per_second = throughput.end_epoch()
                epoch = iteration // plan.epoch
                run.info(f"epoch {epoch}: {seconds:.3f} s per batch, {images_per_second:.1f} samples/s")
            test_figures = task.test(run, iteration)
            if logs:
                run.log(
                    iteration,
                    distributed.mean(log.terms),
                    log.weights,
                    learning_rates=log.learning_rates,
                    images_per_second=throughput.images_per_second(),
                    memory_bytes=peak_memory_bytes(distributed.device),
                    others={**log.others, "loader/waited_s": batches.waited_s, **test_figures},
                )
            task.draw(run, iteration)
            if saves:
                require_finite_weights(iteration, task, run)
                run.save(iteration, {"kind": task.kind, "iteration": iteration, **fingerprint, **task.state_dict()})
            if stops:
                break
    run.raise_if_stopped()
    return run


def require_finite(iteration: int, log: StepLog, task: TrainingTask[Any], run: Run) -> None:
    """Stop the run at the first term that is not a number, before anything of it is saved."""
    values = torch.stack([term.detach().float() for term in log.terms.values()]).tolist()
    for name, value in zip(log.terms, values, strict=True):
        if not math.isfinite(value):
            advice = "; ".join(filter(None, (task.advice(), _last_state(run))))
            raise UserError(f"the loss term {name!r} is {value} at iteration {iteration}; {advice}")


def require_finite_weights(iteration: int, task: TrainingTask[Any], run: Run) -> None:
    """Stop the run rather than save weights that are not numbers: the terms would show them one iteration later."""
    state = {
        f"{name}.{key}": value for name, network in task.networks.items() for key, value in network.state_dict().items()
    }
    finite = torch.stack([value.isfinite().all() for value in state.values()])
    if not finite.all():
        first = next(key for key, good in zip(state, finite.tolist(), strict=True) if not good)
        advice = "; ".join(filter(None, (task.advice(), _last_state(run))))
        raise UserError(f"the weights {first!r} are not finite after iteration {iteration}; {advice}")


def _last_state(run: Run) -> str:
    checkpoint = run.latest_checkpoint()
    return "the run stops, " + (f"its last good state is {checkpoint}" if checkpoint else "nothing had been saved yet")
