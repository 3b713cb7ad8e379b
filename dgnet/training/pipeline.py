"""The main job: a data set, a teacher (trained first where the configuration names none), then the joint training."""

import time
from pathlib import Path

from dgnet.config import Config, resolved
from dgnet.core.device import keep_freed_memory
from dgnet.core.distributed import Distributed
from dgnet.data.records import Dataset
from dgnet.data.training_data import open_dataset
from dgnet.losses.soft_label import LABELS_FROM_TEACHER
from dgnet.models.build import build_generator, build_teacher
from dgnet.models.reid_model import ReIDModel
from dgnet.runs.folder import config_changes, refuse_foreign_folder
from dgnet.runs.resume import require_trained_on
from dgnet.runs.run import Run
from dgnet.training import joint
from dgnet.training.joint import Draw, begin_from_teacher
from dgnet.training.teacher import TEACHER_FILE, load_teachers, train_teacher

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


def train(
    config: Config,
    output: str | Path = ".",
    *,
    resume: bool = False,
    max_hours: float | None = None,
    draw: Draw | None = None,
) -> Path:
    """Train DG-Net, its teacher first if the configuration names none; the run's folder, `output/outputs/NAME`.

    Args:
        config: as `dgnet.load_config` reads it; its `name` is NAME.
        output: folder that holds `outputs/` and `logs/`.
        resume: continue from the run's last checkpoint; otherwise its folder must be new.
        max_hours: save and stop after so many hours.
        draw: draws a picture of the generator into a file, every `run.image_every` iterations.

    Raises:
        RunStopped: the run was asked to stop; it has saved.
        UserError: settings, data, weights or folders that do not go together.

    Example::

        folder = train(load_config("configs/latest.yaml", ["data.root=/data/Market-1501", "name=market"]))
        generator = load_generator(folder)
    """
    with Distributed.start(config.run.device) as distributed:
        job = Job(config, Path(output), distributed, resume=resume, max_hours=max_hours)
        job.train(open_dataset(config.data, distributed), draw)
        return job.folder(config.name)


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

    def open_run(self, name: str, sections: tuple[str, ...], length: str) -> Run:
        """The services of the run of that name, which depends on these sections of the configuration.

        Args:
            length: the setting that says how long the run is.
        """
        hours = None if self._end is None else max(1e-6, (self._end - time.monotonic()) / 3600)
        return Run.open(
            self.folder(name),
            {section: value for section, value in resolved(self.config).items() if section in sections},
            curves=self.curves(name),
            resume=self.resume,
            may_change=(*MAY_CHANGE, length),
            defaults=resolved(Config()),
            max_hours=hours,
            keep=self.config.run.keep_checkpoints,
            distributed=self.distributed,
            resume_option=self.resume_option,
        )

    def train_teacher(self, dataset: Dataset, name: str) -> ReIDModel:
        """Train the teacher as the run `name`."""
        sections = ("data", "teacher", "optimizer", "run")
        return train_teacher(
            self.config, dataset, lambda: self.open_run(name, sections, TEACHER_LENGTH), self.distributed
        )

    def teachers(self, dataset: Dataset) -> list[ReIDModel]:
        """The teachers of the joint training; one is trained first where the configuration names none."""
        settings = self.config.teacher
        if settings.label not in LABELS_FROM_TEACHER or self.config.loss.teacher_factor == 0:
            return []
        paths = settings.checkpoints
        if not paths:
            name = f"{self.config.name}_teacher"
            paths = (self.folder(name) / TEACHER_FILE,)
            if paths[0].exists():
                self.distributed.on_main(lambda: require_trained_on(self.folder(name), dataset))
            else:
                # Before the hours that a teacher takes: a folder that is taken, weights that do not fit.
                self.distributed.on_main(self.refuse_folder)
                self.try_networks(dataset)
                self.train_teacher(dataset, name)
        return [stored.network for stored in load_teachers(paths, dataset, self.distributed.device)]

    def train(self, dataset: Dataset, draw: Draw | None = None) -> None:
        """Teacher, then DG-Net.

        Raises:
            RunStopped: the teacher's run or that of DG-Net was asked to stop; it has saved.
        """
        # Not in the training itself: it holds for the whole process, whose main work this is.
        keep_freed_memory()
        teachers = self.teachers(dataset)
        sections = tuple(type(self.config).model_fields)
        joint.train(
            self.config,
            dataset,
            teachers,
            lambda: self.open_run(self.config.name, sections, LENGTH),
            self.distributed,
            draw,
        )

    def refuse_folder(self) -> None:
        """`UserError` where the run can neither begin nor go on in its folder."""
        folder, curves = self.folder(self.config.name), self.curves(self.config.name)
        refuse_foreign_folder(folder, curves, self.resume)
        config_changes(folder, resolved(self.config), (*MAY_CHANGE, LENGTH), resolved(Config()))

    def try_networks(self, dataset: Dataset) -> None:
        """`UserError` where the networks of the joint training cannot be built as the configuration wants them."""
        identities = len(dataset.identities)
        generator = build_generator(self.config, identities)
        if self.config.short_training.from_teacher:
            begin_from_teacher(generator, [build_teacher(self.config.teacher, identities)])
