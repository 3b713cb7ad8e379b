"""What the training loop is told: how long it trains, what one step does, what is logged, tested, drawn and saved."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from torch import Tensor, nn

from dgnet.data.prefetch import Batch
from dgnet.runs.run import Run

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

    def tests(self, iteration: int) -> bool:
        """Whether a test is due after so many iterations."""
        return False

    def test(self, run: Run) -> Mapping[str, float]:
        """Figures measured now, for the row of the iteration in the log; called where `tests` says so."""
        return {}

    def draw(self, run: Run, iteration: int) -> None:
        """Draw pictures after an iteration; called after every one, once its figures are logged."""

    def finish(self, run: Run) -> None:
        """Write what is left to write when the run leaves the loop, finished or stopped."""

    def advice(self) -> str:
        """What to do about a loss that is not finite, as the part of a sentence."""
        return ""

    def depends_on_length(self) -> str:
        """What of the arithmetic depends on the number of iterations of the whole training, in words; empty: nothing.

        Where it is empty, a training that is made longer goes on exactly as if it had been as long from the start.
        """
        return ""
