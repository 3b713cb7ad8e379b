"""A training job as its user knows it: one folder, exact resumption, a clean end whenever it is asked to stop.

    outputs/NAME/config.yaml     the resolved configuration
                 checkpoints/    the last few states, whole or not there at all
                 images/         pictures that the training draws
                 log.txt         every message with its time
                 scalars.csv     every logged figure, one row per logged iteration
    logs/NAME/                   the same figures for TensorBoard

A run that stops early has saved. Its exit status is 0 after `--max-hours`, 130 after SIGINT (Ctrl-C) and 143 after
SIGTERM.
"""

import contextlib
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from torch import Tensor

from dgnet.core.checkpoint import State, save_checkpoint
from dgnet.core.distributed import Distributed, number
from dgnet.core.errors import RunStopped, UserError
from dgnet.runs import signals
from dgnet.runs.checkpoint import checkpoint_iteration, checkpoint_path, prune
from dgnet.runs.folder import NONE
from dgnet.runs.progress import Progress
from dgnet.runs.run_files import RunFiles

_ONE_PROCESS = Distributed(0, 0, 1, torch.device("cpu"))


class Run:
    """The services around a training loop. Enter it (`with run:`) around the loop.

    Every rank of a distributed run calls the same methods in the same order. `folder` and `images` are where the run
    lives; `start` is the number of iterations behind the checkpoint it goes on from, else 0.
    """

    def __init__(
        self,
        folder: Path,
        files: RunFiles | None,
        distributed: Distributed,
        stop: signals.Stop,
        keep: int,
        seconds: float | int,
        resume_option: str | None,
    ) -> None:
        """Use `Run.open`."""
        self.folder = folder
        self.images = folder / "images"
        self._files, self._distributed, self._stop = files, distributed, stop
        self._keep, self._seconds, self._resume_option = keep, seconds, resume_option
        self._checkpoint: Path | None = distributed.agree(files.checkpoint if files else None)
        self.start = checkpoint_iteration(self._checkpoint) if self._checkpoint else 0
        self._iteration = self._total = 0
        self._stopped_by = 0
        self._start_time = time.monotonic()

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
        distributed: Distributed = _ONE_PROCESS,
        seconds_per_line: float | int = 30.0,
        resume_option: str | None = "--resume",
    ) -> "Run":
        """Begin a run in `folder` (`outputs/NAME`), or continue the one that is there.

        Args:
            config: the resolved configuration (plain YAML values).
            curves: the TensorBoard folder (`logs/NAME`).
            resume: continue the run in `folder`; without a checkpoint it begins at iteration 0 and says so.
            may_change: dotted names of the settings that a resumed run may change.
            defaults: the values of settings that are newer than the run.
            max_hours: stop after so many hours (more than 0).
            keep: how many checkpoints stay.
            seconds_per_line: between two progress lines where stderr is no terminal.
            resume_option: what the program needs to continue, for the command that a stopped run names.

        Raises:
            UserError: the folder is another run's, is in use, or began with other settings.
        """
        if max_hours is not None and not max_hours > 0:
            raise UserError(f"--max-hours must be a positive number of hours, not {max_hours}")
        if keep < 1:
            raise UserError(f"the number of checkpoints to keep must be at least 1, not {keep}")
        stop = signals.Stop(max_hours)
        files = distributed.on_main(lambda: RunFiles(Path(folder), Path(curves), config, resume, may_change, defaults))
        return cls(Path(folder), files, distributed, stop, keep, seconds_per_line, resume_option)

    def latest_checkpoint(self) -> Path | None:
        """The newest whole checkpoint, the same path on every rank (a shared file system), or None at the beginning."""
        return self._checkpoint

    def iterations(self, total: int) -> Iterator[int]:
        """The numbers `start` + 1 .. `total`, one per iteration: "n" is the one after which n iterations are done."""
        self._total = total
        if self.start >= total:
            self.info(f"nothing left to do: {self.start} of {total} iterations are done")
        progress = Progress(self.start, total, self._seconds) if self._files else None
        if self._files:
            self._files.progress = progress
        try:
            for iteration in range(self.start + 1, total + 1):
                self._iteration = iteration
                yield iteration
                if progress:
                    progress.advance()
        finally:
            if progress:
                progress.close()

    def should_stop(self) -> bool:
        """Whether a signal, or the end of the hours before the last iteration, asks any process to leave now.

        All processes ask together and get one answer. Whoever gets True saves, leaves the loop and calls
        `raise_if_stopped` outside of the `with` block.
        """
        self._stopped_by = self._distributed.maximum(self._stop.code)
        if self._stopped_by == signals.MAX_HOURS and self._iteration == self._total:
            self._stopped_by = 0  # finished within its hours
        return self._stopped_by != 0

    def raise_if_stopped(self) -> None:
        """`RunStopped` with the exit status where the run was asked to stop."""
        if self._stopped_by:
            raise RunStopped(signals.exit_status(self._stopped_by))

    def log(
        self,
        iteration: int,
        terms: Mapping[str, float | int | Tensor],
        weights: Mapping[str, float | int],
        *,
        learning_rates: Mapping[str, float | int] | None = None,
        images_per_second: float | int | None = None,
        memory_bytes: int | None = None,
        others: Mapping[str, float | int | Tensor] | None = None,
    ) -> None:
        """Write one point of every curve: `loss/TERM` unweighted, `weight/TERM`, `learning_rate/NAME`,
        `speed/images_per_second`, `memory/peak_gib` and `others` by their own names.

        Figures are numbers or scalar tensors. The loss shown is the weighted sum; a term without a weight is not in it.
        """
        if self._files is None:
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
        point |= {name: number(value) for name, value in (others or {}).items()}
        self._files.table.add(iteration, point)
        self._files.curves.add(iteration, point)
        self._files.log.to_file(line)
        if self._files.progress:
            self._files.progress.show_loss(total)

    def add_figures(self, iteration: int, figures: Mapping[str, float]) -> None:
        """Figures that were measured after the row of `iteration` was logged; they become part of it."""
        if self._files is not None and figures:
            self._files.table.add(iteration, figures)
            self._files.curves.add(iteration, figures)

    def info(self, message: str) -> None:
        """One message in the log file and on stderr, from the main process."""
        if self._files:
            self._files.log.info(message)

    def save(self, iteration: int, state: State) -> None:
        """Write the checkpoint of `iteration` (the main process does) and delete all but the last `keep`."""
        path = checkpoint_path(self.folder / "checkpoints", iteration)

        def write() -> None:
            save_checkpoint(path, state)
            prune(path.parent, self._keep, iteration)

        self._distributed.on_main(write)
        self._checkpoint = path
        if self._files:
            self._files.log.to_file(f"saved {path.name}")

    @contextlib.contextmanager
    def closed_on_error(self) -> Iterator[None]:
        """What is done before the run is entered: an error closes it, and its log tells why. Else a later run of this
        process would write to its log, too.
        """
        try:
            yield
        except BaseException as error:
            if self._files:
                self._files.log.to_file(f"not begun: {error}")
                self._files.close()
            raise

    def __enter__(self) -> "Run":
        self._stop.__enter__()
        if self._files:
            self._files.store_changes()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stop.__exit__()
        if self._files is None:
            return
        state = f"the state is in {self._checkpoint}" if self._checkpoint else "nothing was saved yet"
        log = self._files.log
        if error is not None:
            log.to_file(f"ended by an error; {state}", None if isinstance(error, UserError) else error)
            if isinstance(error, UserError):
                log.to_file(str(error))
        elif self._stopped_by:
            command = signals.resume_command(sys.orig_argv, self._distributed.world_size, self._resume_option)
            log.info(f"stopped by {signals.describe(self._stopped_by)}; {state}; continue with:\n{command}")
        else:
            duration = timedelta(seconds=round(time.monotonic() - self._start_time))
            log.info(f"finished: {self._total} iterations, {duration} since this start; {state}")
        self._files.close()
