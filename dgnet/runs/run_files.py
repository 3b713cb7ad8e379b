"""The files of a run that its main process writes."""

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from dgnet.runs.checkpoint import checkpoint_iteration, latest_checkpoint
from dgnet.runs.folder import CONFIG, config_changes, lock_run_folder, store_config
from dgnet.runs.log import RunLog
from dgnet.runs.progress import Progress
from dgnet.runs.scalars import ScalarTable, TensorBoardCurves


class RunFiles:
    """The locked folder of a run with its log, its table of scalars and its curves, all open.

    Arguments as in `dgnet.runs.run.Run.open`. `checkpoint` is the newest whole one, None at the beginning.
    """

    def __init__(
        self,
        folder: Path,
        curves: Path,
        config: Mapping[str, Any],
        resume: bool,
        may_change: Collection[str],
        defaults: Mapping[str, Any],
    ) -> None:
        self._lock = lock_run_folder(folder, curves, resume)
        self.log = RunLog(folder / "log.txt")
        try:
            changes = config_changes(folder, config, may_change, defaults)
            if not (folder / CONFIG).exists():
                store_config(folder, config)
            self.checkpoint = latest_checkpoint(folder / "checkpoints")
            start = checkpoint_iteration(self.checkpoint) if self.checkpoint else 0
            self.table = ScalarTable(folder / "scalars.csv", through=start)
            self.curves = TensorBoardCurves(curves, start)
        except BaseException:
            self.log.close()
            self._lock.close()
            raise
        self.progress: Progress | None = None
        # Changes are stored when the run really goes on: its checkpoint may still be refused.
        self.store_changes = partial(store_config, folder, config) if changes else lambda: None
        for change in changes:
            self.log.info(f"changed since the run began: {change}")
        if self.checkpoint:
            self.log.info(f"{folder}: going on from {self.checkpoint.name}")
        else:
            self.log.info(f"{folder}: {'no checkpoint to resume from, ' if resume else ''}starting at iteration 0")

    def close(self) -> None:
        """Close the files and unlock the folder."""
        self.curves.close()
        self.log.close()
        self._lock.close()
