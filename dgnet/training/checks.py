"""What a training of DG-Net would refuse, asked before other long work: no image is read."""

import torch

from dgnet.config import Config
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.data.records import Dataset
from dgnet.data.training_data import require_batch
from dgnet.losses.soft_label import LABELS_FROM_TEACHER
from dgnet.models.build import build_discriminator, build_generator, build_teacher
from dgnet.models.people import require_initial_people
from dgnet.runs.resume import require_trained_on
from dgnet.training.job import LENGTH, SECTIONS, TEACHER_LENGTH, TEACHER_SECTIONS, Job
from dgnet.training.joint import begin_from_teacher
from dgnet.training.teacher import TEACHER_FILE, load_teachers, require_teacher_batch


def check_training(job: Job, dataset: Dataset) -> None:
    """`UserError` for what `dgnet.training.pipeline.train_job` would refuse before its first iteration, of the teacher
    and of DG-Net."""
    check_joint_training(job, dataset)
    if not needs_teachers(job.config):
        return
    name = job.teacher_name()
    if job.config.teacher.checkpoints:
        load_teachers(job.config.teacher.checkpoints, dataset, "cpu")
    elif (job.folder(name) / TEACHER_FILE).exists():
        require_trained_on(job.folder(name), dataset)
    else:
        check_teacher_training(job, dataset, name)


def needs_teachers(config: Config) -> bool:
    """Whether teachers label the swapped images of this training."""
    return config.teacher.label in LABELS_FROM_TEACHER and config.loss.teacher_factor > 0


def check_joint_training(job: Job, dataset: Dataset) -> None:
    """`UserError` for what the joint training would refuse: its folder, its batch, its networks."""
    config = job.config
    job.distributed.on_main(lambda: job.refuse_folder(config.name, SECTIONS, LENGTH))
    require_batch(config.data, dataset, "run.batch_size", config.run.batch_size, job.distributed)
    check_networks(config, len(dataset.identities), job.distributed, dataset)


def check_teacher_training(job: Job, dataset: Dataset, name: str) -> None:
    """`UserError` for what the training of a teacher as the run `name` would refuse."""
    job.distributed.on_main(lambda: job.refuse_folder(name, TEACHER_SECTIONS, TEACHER_LENGTH))
    require_teacher_batch(job.config, dataset, job.distributed)
    require_initial_people(build_teacher(job.config.teacher, len(dataset.identities)), dataset)


def check_networks(config: Config, identities: int, distributed: Distributed, dataset: Dataset | None = None) -> None:
    """`UserError` where the networks of the joint training cannot be built as the configuration wants them, or do
    not fit together at its image size: they are run once, on two images, and dropped.

    Where the `dataset` is there already, its people are compared with those of the initial weights.
    """
    generator, discriminator = build_generator(config, identities), build_discriminator(config)
    if dataset is not None:
        require_initial_people(generator.appearance.backbone, dataset)
    if config.short_training.from_teacher:
        begin_from_teacher(generator, [build_teacher(config.teacher, identities)])
    if config.run.sync_batch_norm:
        distributed.synchronize_batch_norm(generator.appearance)
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
