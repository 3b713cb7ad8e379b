"""A training job by its name: the folders of its runs, and what may change when one of them is resumed."""

import time
from pathlib import Path
from typing import Any

from dgnet.config import Config, resolved
from dgnet.core.distributed import Distributed
from dgnet.runs.checkpoint import list_checkpoints
from dgnet.runs.folder import config_changes, refuse_foreign_folder
from dgnet.runs.run import Run

# Settings that change what is written, where or how fast, not what is computed.
MAY_CHANGE = (
    "data.root",
    "data.workers",
    "run.checkpoint_every",
    "run.device",
    "run.image_every",
    "run.keep_checkpoints",
    "run.log_every",
)
# How long DG-Net trains, and its teacher: a run may be made longer.
LENGTH, TEACHER_LENGTH = "schedule.iterations", "teacher.epochs"
# The sections that they depend on.
SECTIONS, TEACHER_SECTIONS = tuple(Config.model_fields), ("data", "teacher", "optimizer", "run")


class Job:
    """One run by its name.

    Args:
        output: the folder that holds `outputs/NAME` and `logs/NAME`.
        resume: continue what is there; otherwise the run's folder must be new.
        resume_option: what the program needs to continue, for the command that a stopped run names; None: nothing.
        max_hours: save and leave after so many hours (more than 0), the teacher's training included.
    """

    def __init__(
        self,
        config: Config,
        output: Path,
        distributed: Distributed,
        *,
        resume: bool = False,
        resume_option: str | None = "--resume",
        max_hours: float | None = None,
    ) -> None:
        self.config = config
        self.output = output
        self.distributed = distributed
        self.resume = resume
        self.resume_option = resume_option
        self._end = None if max_hours is None else time.monotonic() + 3600 * max_hours

    def folder(self, name: str) -> Path:
        """Where the run of that name lives."""
        return self.output / "outputs" / name

    def curves(self, name: str) -> Path:
        """Where TensorBoard finds the curves of that run."""
        return self.output / "logs" / name

    def resumes(self, name: str) -> bool:
        """Whether the run of that name continues from a checkpoint."""
        return self.resume and bool(list_checkpoints(self.folder(name) / "checkpoints"))

    def settings(self, sections: tuple[str, ...]) -> dict[str, Any]:
        """These sections of the configuration."""
        return {section: value for section, value in resolved(self.config).items() if section in sections}

    def open_run(self, name: str, sections: tuple[str, ...], length: str) -> Run:
        """The services of the run of that name, which depends on these sections of the configuration.

        Args:
            length: the setting that says how long the run is.
        """
        hours = None if self._end is None else max(1e-6, (self._end - time.monotonic()) / 3600)
        return Run.open(
            self.folder(name),
            self.settings(sections),
            curves=self.curves(name),
            resume=self.resume,
            may_change=(*MAY_CHANGE, length),
            defaults=resolved(Config()),
            max_hours=hours,
            keep=self.config.run.keep_checkpoints,
            distributed=self.distributed,
            resume_option=self.resume_option,
        )

    def refuse_folder(self, name: str, sections: tuple[str, ...], length: str) -> None:
        """`UserError` where the run of that name can neither begin nor go on in its folder; see `open_run`."""
        refuse_foreign_folder(self.folder(name), self.curves(name), self.resume)
        config_changes(self.folder(name), self.settings(sections), (*MAY_CHANGE, length), resolved(Config()))

    def teacher_name(self) -> str:
        """The run of the teacher that this job trains."""
        return f"{self.config.name}_teacher"
