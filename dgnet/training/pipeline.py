"""The main job: a data set, a teacher (trained first where the configuration names none), then the joint training."""

import time
from pathlib import Path
from typing import Any

import torch

from dgnet.config import Config, resolved
from dgnet.core.device import keep_freed_memory
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.data.records import Dataset
from dgnet.data.training_data import open_dataset, require_batch
from dgnet.losses.soft_label import LABELS_FROM_TEACHER
from dgnet.models.build import build_discriminator, build_generator, build_teacher
from dgnet.models.people import require_initial_people
from dgnet.models.reid_model import ReIDModel
from dgnet.runs.checkpoint import list_checkpoints
from dgnet.runs.folder import config_changes, refuse_foreign_folder
from dgnet.runs.resume import require_trained_on
from dgnet.runs.run import Run
from dgnet.training import joint
from dgnet.training.joint import Draw, begin_from_teacher
from dgnet.training.teacher import (
    TEACHER_FILE,
    load_teachers,
    require_teacher_batch,
    train_teacher,
    warn_of_other_size,
)

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

    def goes_on(self, name: str) -> bool:
        """Whether the run of that name has a checkpoint to go on from."""
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

    def train_teacher(self, dataset: Dataset, name: str) -> ReIDModel:
        """Train the teacher as the run `name`."""
        return train_teacher(
            self.config,
            dataset,
            lambda: self.open_run(name, TEACHER_SECTIONS, TEACHER_LENGTH),
            self.distributed,
            pretrained=not self.goes_on(name),
        )

    def check_teacher(self, dataset: Dataset, name: str) -> None:
        """`UserError` for what `train_teacher` would refuse; no image is read."""
        self.distributed.on_main(lambda: self.refuse_folder(name, TEACHER_SECTIONS, TEACHER_LENGTH))
        require_teacher_batch(self.config, dataset, self.distributed)
        require_initial_people(build_teacher(self.config.teacher, len(dataset.identities)), dataset)

    def teachers(self, dataset: Dataset) -> list[ReIDModel]:
        """The teachers of the joint training; one is trained first where the configuration names none."""
        if not self._asks_teachers():
            return []
        paths = self.config.teacher.checkpoints
        if not paths:
            name = f"{self.config.name}_teacher"
            paths = (self.folder(name) / TEACHER_FILE,)
            if paths[0].exists():
                self.distributed.on_main(lambda: require_trained_on(self.folder(name), dataset))
            else:
                # Before the hours that a teacher takes.
                self.check(dataset)
                self.train_teacher(dataset, name)
        teachers = load_teachers(paths, dataset, self.distributed.device)
        for path, teacher in zip(paths, teachers, strict=True):
            warn_of_other_size(path, teacher, self.config.data.height, self.config.data.width)
        return [teacher.network for teacher in teachers]

    def _asks_teachers(self) -> bool:
        return self.config.teacher.label in LABELS_FROM_TEACHER and self.config.loss.teacher_factor > 0

    def train(self, dataset: Dataset, draw: Draw | None = None) -> None:
        """Teacher, then DG-Net.

        Raises:
            RunStopped: the teacher's run or that of DG-Net was asked to stop; it has saved.
        """
        # Not in the training itself: it holds for the whole process, whose main work this is.
        keep_freed_memory()
        teachers = self.teachers(dataset)
        joint.train(
            self.config,
            dataset,
            teachers,
            lambda: self.open_run(self.config.name, SECTIONS, LENGTH),
            self.distributed,
            draw,
            pretrained=not self.goes_on(self.config.name),
        )

    def check(self, dataset: Dataset) -> None:
        """`UserError` for what the joint training would refuse: its folder, its batch, its networks."""
        self.distributed.on_main(lambda: self.refuse_folder(self.config.name, SECTIONS, LENGTH))
        require_batch(self.config.data, dataset, "run.batch_size", self.config.run.batch_size, self.distributed)
        self.try_networks(len(dataset.identities), dataset)

    def check_whole(self, dataset: Dataset) -> None:
        """`UserError` for what `train` would refuse before its first iteration, of the teacher and of DG-Net; no image
        is read.
        """
        self.check(dataset)
        if self._asks_teachers():
            name = f"{self.config.name}_teacher"
            if self.config.teacher.checkpoints:
                load_teachers(self.config.teacher.checkpoints, dataset, "cpu")
            elif (self.folder(name) / TEACHER_FILE).exists():
                require_trained_on(self.folder(name), dataset)
            else:
                self.check_teacher(dataset, name)

    def refuse_folder(self, name: str, sections: tuple[str, ...], length: str) -> None:
        """`UserError` where the run of that name can neither begin nor go on in its folder; see `open_run`."""
        refuse_foreign_folder(self.folder(name), self.curves(name), self.resume)
        config_changes(self.folder(name), self.settings(sections), (*MAY_CHANGE, length), resolved(Config()))

    def try_networks(self, identities: int, dataset: Dataset | None = None) -> None:
        """`UserError` where the networks of the joint training cannot be built as the configuration wants them, or do
        not fit together at its image size: they are run once, on two images, and dropped.

        Where the `dataset` is there already, its people are compared with those of the initial weights.
        """
        config = self.config
        generator, discriminator = build_generator(config, identities), build_discriminator(config)
        if dataset is not None:
            require_initial_people(generator.appearance.backbone, dataset)
        if config.short_training.from_teacher:
            begin_from_teacher(generator, [build_teacher(config.teacher, identities)])
        if config.run.sync_batch_norm:
            self.distributed.synchronize_batch_norm(generator.appearance)
        images = torch.zeros(2, 3, config.data.height, config.data.width)
        try:
            with torch.no_grad():
                structure, appearance = generator.encode_structure(images), generator.encode_appearance(images)
                discriminator(generator.decoder(structure, appearance))
        except (RuntimeError, ValueError) as error:
            raise UserError(
                f"the networks do not fit together at images of {config.data.height}x{config.data.width} "
                f"(data.height, data.width): {str(error).splitlines()[0]}"
            ) from error
