"""The main job: a data set, a teacher (trained first where the configuration names none), then the joint training."""

import logging
from pathlib import Path

from dgnet.config import Config
from dgnet.core.distributed import Distributed
from dgnet.core.memory import keep_freed_memory
from dgnet.core.settings import settings_of
from dgnet.data.records import Dataset
from dgnet.data.training_data import open_dataset
from dgnet.models.reid_model import ReIDModel
from dgnet.runs.resume import require_trained_on
from dgnet.training import joint
from dgnet.training.checks import check_joint_training, needs_teachers
from dgnet.training.job import LENGTH, SECTIONS, TEACHER_LENGTH, TEACHER_SECTIONS, Job
from dgnet.training.joint import DrawSamples
from dgnet.training.schedule import describe_unused_terms
from dgnet.training.teacher import TEACHER_FILE, load_teachers, train_teacher, warn_of_other_size

_log = logging.getLogger(__name__)


def train(
    config: Config | str | Path,
    output: str | Path = ".",
    *,
    resume: bool = False,
    max_hours: float | None = None,
    draw: DrawSamples | None = None,
) -> Path:
    """Train DG-Net, its teacher first if the configuration names none; the run's folder, `output/outputs/NAME`.

    Args:
        config: as `dgnet.load_config` reads it, or the path of a YAML file; its `name` is NAME.
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
    config = settings_of(Config, config)
    with Distributed.start(config.run.device) as distributed:
        job = Job(config, Path(output), distributed, resume=resume, max_hours=max_hours)
        train_job(job, open_dataset(config.data, distributed), draw)
        return job.folder(config.name)


def train_job(job: Job, dataset: Dataset, draw: DrawSamples | None = None) -> None:
    """Teacher, then DG-Net.

    Raises:
        RunStopped: the teacher's run or that of DG-Net was asked to stop; it has saved.
        UserError: as `train`.
    """
    # Not in the training itself: it holds for the whole process, whose main work this is.
    keep_freed_memory()
    joint.train(
        job.config,
        dataset,
        job_teachers(job, dataset),
        lambda: job.open_run(job.config.name, SECTIONS, LENGTH),
        job.distributed,
        draw,
        pretrained=not job.resumes(job.config.name),
    )


def job_teachers(job: Job, dataset: Dataset) -> list[ReIDModel]:
    """The teachers of the joint training; one is trained first where the configuration names none."""
    config = job.config
    if not needs_teachers(config):
        return []
    paths = config.teacher.checkpoints
    if not paths:
        name = job.teacher_name()
        paths = (job.folder(name) / TEACHER_FILE,)
        if paths[0].exists():
            job.distributed.on_main(lambda: require_trained_on(job.folder(name), dataset))
        else:
            # Before the hours that a teacher takes.
            check_joint_training(job, dataset)
            if without := describe_unused_terms(config):
                job.distributed.on_main(lambda: _log.warning("warning: %s", without))
            train_job_teacher(job, dataset, name)
    teachers = load_teachers(paths, dataset, job.distributed.device)
    for path, teacher in zip(paths, teachers, strict=True):
        warn_of_other_size(path, teacher, config.data.height, config.data.width)
    return [teacher.network for teacher in teachers]


def train_job_teacher(job: Job, dataset: Dataset, name: str) -> ReIDModel:
    """Train a teacher as the run `name`."""
    return train_teacher(
        job.config,
        dataset,
        lambda: job.open_run(name, TEACHER_SECTIONS, TEACHER_LENGTH),
        job.distributed,
        pretrained=not job.resumes(name),
    )
