"""A training job as its user knows it: one folder, exact resumption, a clean end whenever it is asked to stop.

    outputs/NAME/config.yaml     the resolved configuration
                 checkpoints/    the last few states, whole or not there at all
                 images/         what the trainer draws
                 log.txt         everything said, with its time
                 scalars.csv     every logged figure, one row per logged iteration
    logs/NAME/                   the same figures for TensorBoard

A run that stops early has saved. Its exit status is 0 after `--max-hours`, 130 after SIGINT (Ctrl-C) and 143 after
SIGTERM.
"""

import sys
import time
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor

from dgnet.core.checkpoint import State, save_checkpoint
from dgnet.core.distributed import Distributed, number
from dgnet.core.errors import UserError
from dgnet.runs import signals
from dgnet.runs.checkpoint import checkpoint_iteration, checkpoint_path, latest_checkpoint, prune
from dgnet.runs.folder import CONFIG, NONE, claim, config_changes, store_config
from dgnet.runs.log import Journal
from dgnet.runs.progress import Progress
from dgnet.runs.scalars import ScalarTable, TensorBoardCurves

_ALONE = Distributed(0, 0, 1, torch.device("cpu"))


class _Desk:
    """The files that the main process writes; the other ranks have none."""

    def __init__(
        self,
        folder: Path,
        curves: Path,
        config: Mapping[str, Any],
        resume: bool,
        may_change: Collection[str],
        defaults: Mapping[str, Any],
    ) -> None:
        self._lock = claim(folder, curves, resume)
        self.journal = Journal(folder / "log.txt")
        try:
            changes = config_changes(folder, config, may_change, defaults)
            if not (folder / CONFIG).exists():
                store_config(folder, config)
            self.checkpoint = latest_checkpoint(folder / "checkpoints")
            self.start = checkpoint_iteration(self.checkpoint) if self.checkpoint else 0
            self.table = ScalarTable(folder / "scalars.csv", through=self.start)
            self.curves = TensorBoardCurves(curves, self.start)
        except BaseException:
            self.journal.close()
            self._lock.close()
            raise
        self.progress: Progress | None = None
        # What has changed is stored when the run really goes on: its checkpoint may still be refused.
        self.keep_changes = partial(store_config, folder, config) if changes else lambda: None
        for change in changes:
            self.journal.say(f"changed since the run began: {change}")
        if self.checkpoint:
            self.journal.say(f"{folder}: going on from {self.checkpoint.name}")
        else:
            self.journal.say(f"{folder}: {'no checkpoint to go on from, ' if resume else ''}beginning at iteration 0")

    def close(self) -> None:
        self.curves.close()
        self.journal.close()
        self._lock.close()


class Run:
    """The services around a training loop. Enter it (`with run:`) around the loop.

    Every rank of a distributed run calls the same methods in the same order. `folder` and `images` are where the run
    lives; `start` is the number of iterations behind the checkpoint it goes on from, else 0.
    """

    def __init__(
        self,
        folder: Path,
        desk: _Desk | None,
        distributed: Distributed,
        stopper: signals.Stop,
        keep: int,
        milestone_every: int,
        seconds: float | int,
    ) -> None:
        """Use `Run.open`."""
        self.folder = folder
        self.images = folder / "images"
        self._desk, self._distributed, self._stop = desk, distributed, stopper
        self._keep, self._milestone_every, self._seconds = keep, milestone_every, seconds
        self._checkpoint: Path | None = distributed.agree(desk.checkpoint if desk else None)
        self.start = checkpoint_iteration(self._checkpoint) if self._checkpoint else 0
        self._total = 0
        self._asked: int | None = None
        self._stopped_by = 0
        self._began = time.monotonic()

    @classmethod
    def open(
        cls,
        folder: Path,
        config: Mapping[str, Any],
        *,
        curves: Path,
        resume: bool = False,
        may_change: Collection[str] = (),
        defaults: Mapping[str, Any] = NONE,
        max_hours: float | int | None = None,
        keep: int = 3,
        milestone_every: int = 0,
        distributed: Distributed = _ALONE,
        seconds_per_line: float | int = 30.0,
    ) -> "Run":
        """Begin a run in `folder` (`outputs/NAME`), or go on with the one that is there.

        `config` is the resolved configuration (plain YAML values), `curves` the TensorBoard folder (`logs/NAME`),
        `may_change` the dotted names of settings that a resumed run may have otherwise, `defaults` what a run did that
        began before a setting existed, `keep` how many checkpoints
        stay (multiples of `milestone_every` for good), `seconds_per_line` the pace of progress lines where stderr is no
        terminal. Without a checkpoint, `resume` begins at iteration 0 and says so. `UserError` when the folder is
        another run's, is in use, or began with other settings.
        """
        if max_hours is not None and not max_hours > 0:
            raise UserError(f"--max-hours must be a positive number of hours, not {max_hours}")
        if keep < 1:
            raise UserError(f"the number of checkpoints to keep must be at least 1, not {keep}")
        stopper = signals.Stop(max_hours)
        desk = distributed.on_main(lambda: _Desk(Path(folder), Path(curves), config, resume, may_change, defaults))
        return cls(Path(folder), desk, distributed, stopper, keep, milestone_every, seconds_per_line)

    def latest_checkpoint(self) -> Path | None:
        """The newest whole checkpoint, the same path on every rank (a shared file system), or None at the beginning."""
        return self._checkpoint

    def iterations(self, start: int, total: int) -> Iterator[int]:
        """The numbers start + 1 .. total, one per iteration: "n" is the one after which n iterations are done.

        Shows the progress. Raises `ValueError` when `start` is not where the checkpoint left off.
        """
        if self._checkpoint is not None and start != self.start:
            raise ValueError(f"the run goes on after iteration {self.start}, not {start}")
        self._total = total
        if start >= total:
            self.say(f"nothing left to do: {start} of {total} iterations are done")
        progress = Progress(start, total, self._seconds) if self._desk else None
        if self._desk:
            self._desk.progress = progress
        try:
            for iteration in range(start + 1, total + 1):
                self._asked = None
                yield iteration
                if progress:
                    progress.advance()
        finally:
            if progress:
                progress.close()

    def is_time_to(self, every: int, iteration: int) -> bool:
        """Whether this is a multiple of `every` (0: never) or the last iteration."""
        return every > 0 and (iteration % every == 0 or iteration == self._total)

    @property
    def should_stop(self) -> bool:
        """Whether a signal or the end of the hours asks any rank to leave after this iteration.

        The first question in an iteration decides for the rest of it, on every rank: what is answered while saving
        holds while leaving.
        """
        if self._asked is None:
            self._asked = self._stopped_by = self._distributed.maximum(self._stop.code)
        return self._asked != 0

    def log(
        self,
        iteration: int,
        terms: Mapping[str, float | int | Tensor],
        weights: Mapping[str, float | int],
        *,
        learning_rates: Mapping[str, float | int] | None = None,
        images_per_second: float | int | None = None,
        memory_bytes: int | None = None,
        others: Mapping[str, float | int] | None = None,
    ) -> None:
        """Write one point of every curve: `loss/TERM` unweighted, `weight/TERM`, `learning_rate/NAME`,
        `speed/images_per_second`, `memory/peak_gib` and `others` by their own names.

        Terms are numbers or scalar tensors. The loss shown is the weighted sum; a term without a weight is not in it.
        """
        if self._desk is None:
            return
        losses = {name: number(value) for name, value in terms.items()}
        total = sum(weights[name] * value for name, value in losses.items() if name in weights)
        point = {f"loss/{name}": value for name, value in losses.items()}
        point |= {f"weight/{name}": float(value) for name, value in weights.items()}
        point |= {f"learning_rate/{name}": float(value) for name, value in (learning_rates or {}).items()}
        line = f"iteration {iteration}: loss {total:.5g} = " + " + ".join(
            f"{weights[name]:g} x {name} {value:.5g}" for name, value in losses.items() if name in weights
        )
        if images_per_second is not None:
            point["speed/images_per_second"] = float(images_per_second)
            line += f"; {images_per_second:.4g} images/s"
        if memory_bytes is not None:
            point["memory/peak_gib"] = memory_bytes / 2**30
            line += f"; {memory_bytes / 2**30:.2f} GiB"
        point |= {name: float(value) for name, value in (others or {}).items()}
        self._desk.table.add(iteration, point)
        self._desk.curves.add(iteration, point)
        self._desk.journal.note(line)
        if self._desk.progress:
            self._desk.progress.show_loss(total)

    def say(self, message: str) -> None:
        """One line in the log file and on stderr, from the main process."""
        if self._desk:
            self._desk.journal.say(message)

    def save(self, iteration: int, state: State) -> None:
        """Write the checkpoint of `iteration` (the main process does) and delete those beyond the last `keep`."""
        path = checkpoint_path(self.folder / "checkpoints", iteration)

        def write() -> None:
            save_checkpoint(path, state)
            prune(path.parent, self._keep, iteration, self._milestone_every)

        self._distributed.on_main(write)
        self._checkpoint = path
        if self._desk:
            self._desk.journal.note(f"saved {path.name}")

    @property
    def exit_status(self) -> int:
        """What the tool should leave with: 0 when finished or out of hours, 130 after SIGINT, 143 after SIGTERM."""
        return signals.exit_status(self._stopped_by)

    def __enter__(self) -> "Run":
        self._stop.__enter__()
        if self._desk:
            self._desk.keep_changes()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stop.__exit__()
        if self._desk is None:
            return
        kept = f"the state is in {self._checkpoint}" if self._checkpoint else "nothing was saved yet"
        journal = self._desk.journal
        if error is not None:
            journal.note(f"ended by an error; {kept}", None if isinstance(error, UserError) else error)
            if isinstance(error, UserError):
                journal.note(str(error))
        elif self._stopped_by:
            command = signals.resume_command(sys.orig_argv, self._distributed.world_size)
            journal.say(f"stopped by {signals.describe(self._stopped_by)}; {kept}; go on with:\n{command}")
        else:
            took = timedelta(seconds=round(time.monotonic() - self._began))
            journal.say(f"finished: {self._total} iterations, {took} since this start; {kept}")
        self._desk.close()
