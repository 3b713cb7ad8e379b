"""Loads a trained generator by name or path: of a run of ours or of the official release."""

from pathlib import Path

import torch

from dgnet.core.errors import UserError
from dgnet.core.files import user_path
from dgnet.models.build import build_generator
from dgnet.official.release import read_official
from dgnet.runs.find import find_run, is_official
from dgnet.runs.load import checkpoint_of_run, read_generator
from dgnet.runs.loaded_generator import LoadedGenerator
from dgnet.training.teacher import TEACHER_FILE


def load_generator(
    path: str | Path,
    iteration: int | None = None,
    device: torch.device | str = "cpu",
) -> LoadedGenerator:
    """A trained generator, in evaluation mode.

    Args:
        path: a run's folder (`outputs/NAME`), one of its checkpoints, or an `outputs/NAME` of the official release.
        iteration: which checkpoint of a folder; by default the last.

    An official folder does not tell which identity a class stands for: its `identities` are empty.

    Raises:
        UserError: nothing is there, it is damaged, or it is no generator.

    >>> from dgnet import load_generator
    >>> generator = load_generator("outputs/market")
    >>> generator.name
    'market'
    """
    path = user_path(path)
    if path.is_file():
        if iteration is not None:
            raise UserError(f"{path} is one checkpoint: give its run's folder to choose iteration {iteration}")
        return read_generator(path, device)
    if not path.exists():
        raise UserError(f"{path}: no such run; give the folder of one (outputs/NAME) or a checkpoint")
    if is_official(path):
        return _load_official(path, device, iteration)
    return read_generator(checkpoint_of_run(path, iteration), device)


def find_generator(
    name: str | Path | None,
    output: Path = Path(),
    iteration: int | None = None,
    device: torch.device | str = "cpu",
) -> LoadedGenerator:
    """The generator that the options of a command name: `find_run`, then `load_generator`."""
    return load_generator(find_run(name, output), iteration, device)


def teacher_of(generator: LoadedGenerator) -> Path | None:
    """The file of a run's own teacher: of those that its configuration names or, trained with it, `NAME_teacher`'s.

    None where no such file is there (any more).
    """
    # A run's folder may be a link: its teacher is beside the link, or beside what it leads to.
    outputs = (file.parent.parent.parent for file in (generator.files[0].absolute(), generator.files[0].resolve()))
    beside = (folder / f"{generator.config.name}_teacher" / TEACHER_FILE for folder in outputs)
    return next((path for path in (*generator.config.teacher.checkpoints, *beside) if path.is_file()), None)


def _load_official(folder: Path, device: torch.device | str, iteration: int | None) -> LoadedGenerator:
    official = read_official(folder, iteration)
    network = build_generator(official.config, official.identities, pretrained=False)
    network.load_state_dict(official.generator)
    files = [file for file in sorted((folder / "checkpoints").glob("*_*.pt")) if file.stem.split("_")[1].isdecimal()]
    own = tuple(file for file in files if int(file.stem.split("_")[1]) == official.iteration)
    return LoadedGenerator(
        network.to(device).eval(), official.config, (), official.iteration, folder.resolve().name, own
    )
