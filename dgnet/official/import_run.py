"""Turns a training of the official release into a run of ours, which every tool reads and `--resume` continues."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from dgnet.config import Config, resolved
from dgnet.core.checkpoint import save_checkpoint
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.data.records import Dataset
from dgnet.losses.soft_label import LABELS_FROM_TEACHER
from dgnet.models.build import build_teacher
from dgnet.models.model_file import save_model
from dgnet.official.release import OfficialRun, OfficialTeacher
from dgnet.runs.checkpoint import checkpoint_path
from dgnet.runs.folder import lock_run_folder, update_config
from dgnet.runs.load import KIND
from dgnet.training.joint import JointTraining
from dgnet.training.teacher import TEACHER_FILE


@dataclass(frozen=True)
class ImportedRun:
    """The run's folder and configuration; `notes`: what its user should know, a sentence each."""

    folder: Path
    config: Config
    notes: tuple[str, ...]


def official_identities(dataset: Dataset) -> tuple[int, ...]:
    """The training identities in the order of the official classes: that of the folder names, sorted as text.

    Where a data set has no folder for each identity, the name is what its files begin with, as 0002 in
    0002_c1s1_000451_03.jpg: the folder that the official preparation makes of it. `UserError` for other names.
    """
    folders = {record.identity: record.path.parent for record in dataset.train}
    names = {identity: folder.name for identity, folder in folders.items()}
    if len(set(folders.values())) < len(folders):
        names = {record.identity: record.path.name.split("_")[0] for record in dataset.train}
        for identity, name in names.items():
            if not name.isdecimal() or int(name) != identity:
                raise UserError(
                    f"{dataset.root}: the order of the official classes cannot be told from files like {name}; give "
                    "data.root in Market-1501's or the official layout, or with a folder for each identity"
                )
    return tuple(sorted(names, key=lambda identity: names[identity]))


def reordered(state: Mapping[str, Tensor], dataset: Dataset) -> dict[str, Tensor]:
    """The state with the rows of its `logits` layers in the order of `dataset.identities`."""
    position = {identity: index for index, identity in enumerate(official_identities(dataset))}
    rows = torch.tensor([position[identity] for identity in dataset.identities])
    return {key: value[rows] if ".logits." in key else value for key, value in state.items()}


def import_run(
    official: OfficialRun,
    teachers: Sequence[OfficialTeacher],
    dataset: Dataset,
    output: Path,
    distributed: Distributed,
) -> ImportedRun:
    """Write `output/outputs/NAME`: configuration, checkpoint and teachers; NAME is that of `official.config`.

    Raises:
        UserError: the data set has other training identities than the classifiers, or NAME is another run's.
    """
    for path, classes in [(official.folder, official.identities), *((t.path, t.identities) for t in teachers)]:
        if classes != len(dataset.identities):
            raise UserError(
                f"{path}: its classifiers have {classes} identities, the data set {dataset.root} has "
                f"{len(dataset.identities)} to train on; name the data set it was trained on by data.root=..."
            )
    folder = output / "outputs" / official.config.name
    if folder.resolve() == official.folder.resolve():
        raise UserError(f"{folder} is the official folder itself, which stays as it is; give the run another --name")
    paths = [folder / (TEACHER_FILE if number == 0 else f"teacher_{number + 1}.pth") for number in range(len(teachers))]
    config = _with_teachers(official.config, teachers, paths)
    training = JointTraining.fresh(config, len(dataset.identities), distributed)
    training.generator.load_state_dict(reordered(official.generator, dataset))
    training.discriminator.load_state_dict(official.discriminator)
    state = {
        "kind": KIND,
        "config": resolved(config),
        "identities": list(dataset.identities),
        "names": list(dataset.people),
        "iteration": official.iteration,
        **training.state_dict(),
    }
    lock = lock_run_folder(folder, output / "logs" / config.name, resume=False)
    try:
        for teacher, path in zip(teachers, paths, strict=True):
            network = build_teacher(teacher.config, teacher.identities, pretrained=False)
            network.load_state_dict(reordered(teacher.state, dataset))
            size = config.data.height, config.data.width
            save_model(path, network, dataset.identities, *size, dataset.people)
        save_checkpoint(checkpoint_path(folder / "checkpoints", official.iteration), state)
        # The configuration last: a folder without one is not mistaken for a run that can be resumed.
        update_config(folder, resolved(config), ())
    finally:
        lock.close()
    return ImportedRun(folder, config, _notes(official, teachers, config))


def _with_teachers(config: Config, teachers: Sequence[OfficialTeacher], paths: Sequence[Path]) -> Config:
    if not teachers:
        return config
    first = teachers[0].config
    update = {"checkpoints": tuple(paths), "last_stride": first.last_stride, "dropout": first.dropout}
    return config.model_copy(update={"teacher": config.teacher.model_copy(update=update)})


def _notes(official: OfficialRun, teachers: Sequence[OfficialTeacher], config: Config) -> tuple[str, ...]:
    notes = ["the optimizers start from scratch: the official optimizer.pt is not read"]
    for teacher in teachers:
        if not teacher.stride_known:
            notes.append(f"{teacher.path}: no stride in opts.yaml beside it, the last stage has stride 2 as by default")
    needs_teacher = config.teacher.label in LABELS_FROM_TEACHER and config.loss.teacher_factor > 0
    if needs_teacher and not config.teacher.checkpoints:
        teachers_used = " and ".join(f"models/{name}" for name in official.teacher_names) or "a teacher"
        notes.append(f"the official training used {teachers_used}, not given by --teacher: a teacher is trained first")
    if config.structure.input == "edge":
        notes.append("the edge image of dgnet/core/pixels.py may differ from the official one: look at the swaps first")
    if official.iteration >= config.schedule.iterations:
        notes.append(
            f"all {config.schedule.iterations} iterations are done; to train on, resume with schedule.iterations=MORE"
        )
    return tuple(notes)
