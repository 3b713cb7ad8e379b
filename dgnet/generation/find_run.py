"""The trained generator that a command works on: by name, by path or the latest; a run of ours or the original's."""

from pathlib import Path
from typing import NamedTuple

import torch

from dgnet.core.errors import UserError
from dgnet.models.build import build_generator
from dgnet.models.head import HeadBuilder
from dgnet.official.release import read_released
from dgnet.runs.checkpoint import checkpoint_path, list_checkpoints
from dgnet.runs.load import KIND, StoredGenerator, load_generator
from dgnet.training.teacher import TEACHER_FILE


class FoundRun(NamedTuple):
    """The run's name, its generator, and the files it was read from: one checkpoint, or several of the original's."""

    name: str
    stored: StoredGenerator
    files: tuple[Path, ...]


def find_run(
    name: str | None,
    output: Path = Path(),
    which: int | None = None,
    device: torch.device | str = "cpu",
    build_head: HeadBuilder | None = None,
) -> FoundRun:
    """Read a trained generator.

    Args:
        name: a run below `output/outputs`; or a path: a run's folder, one of its checkpoints, or an `outputs/NAME` of
            the original release. None: the run below `output/outputs` whose generator was saved last.
        which: the iteration of the checkpoint; by default the last.
        build_head: makes the head of a run whose appearance encoder is one (`appearance.head`).

    The original's folders do not tell which identity a class stands for: their `identities` are empty.

    Raises:
        UserError: nothing is there, it is damaged, or it is no generator.
    """
    path = latest_run(output / "outputs") if name is None else _named(name, output)
    if name == "" or not path.exists():
        raise unknown_run(name or "''", "run", runs_of_generators(output / "outputs"), output)
    if path.is_file():
        if which is not None:
            raise UserError(f"{path} is one checkpoint: give its run's folder to choose iteration {which}")
        return FoundRun(path.resolve().parent.parent.name, load_generator(path, device, build_head=build_head), (path,))
    folder = path / "checkpoints"
    if is_released(path):
        released = _load_released(path, device, which)
        files = [file for file in sorted(folder.glob("*_*.pt")) if file.stem.split("_")[1].isdecimal()]
        own = tuple(file for file in files if int(file.stem.split("_")[1]) == released.iteration)
        return FoundRun(path.resolve().name, released, own)
    stored = load_generator(path, device, which, build_head)
    return FoundRun(path.resolve().name, stored, (checkpoint_path(folder, stored.iteration),))


def latest_run(outputs: Path) -> Path:
    """The folder below `outputs` with the newest checkpoint of a generator. `UserError` where there is none."""
    newest = [(saved, folder) for folder in folders_of(outputs) if (saved := _last_saved(folder)) is not None]
    if not newest:
        raise UserError(
            f"{outputs} holds no trained generator: `make demo` or tools/train_gan.py makes one, --name names another"
        )
    return max(newest)[1]


def runs_of_generators(outputs: Path) -> list[str]:
    """The names of the runs below `outputs` that hold a trained generator, sorted."""
    return [folder.name for folder in folders_of(outputs) if holds_generator(folder)]


def holds_generator(folder: Path) -> bool:
    """Whether a run's folder holds a trained generator, ours or the original's; it may hold its teacher beside it."""
    return _last_saved(folder) is not None


def teacher_of(run: FoundRun) -> Path | None:
    """The file of a run's own teacher: of those that its configuration names or, trained with it, `NAME_teacher`'s.

    None where no such file is there (any more).
    """
    # A run's folder may be a link: its teacher is beside the link, or beside what it leads to.
    places = (file.parent.parent.parent for file in (run.files[0].absolute(), run.files[0].resolve()))
    beside = (place / f"{run.stored.config.name}_teacher" / TEACHER_FILE for place in places)
    return next((path for path in (*run.stored.config.teacher.checkpoints, *beside) if path.is_file()), None)


def folders_of(outputs: Path) -> list[Path]:
    """The runs below `outputs`, of whatever kind, sorted by name; none where there is no such folder."""
    return sorted(folder for folder in outputs.iterdir() if folder.is_dir()) if outputs.is_dir() else []


def unknown_run(name: str, kind: str, known: list[str], output: Path) -> UserError:
    """The sentence for a name that is neither a path nor a run below `output/outputs`, where `known` ones are."""
    there = f"the runs there: {', '.join(known)}" if known else "there is none at all"
    return UserError(f"{name}: no such {kind}, and no run of that name below {output / 'outputs'}; {there}")


def is_released(folder: Path) -> bool:
    """Whether this is an `outputs/NAME` of the original release."""
    return any((folder / "checkpoints").glob("gen_*.pt")) and not list_checkpoints(folder / "checkpoints")


def _named(name: str, output: Path) -> Path:
    run = output / "outputs" / name
    return run if run.is_dir() or not Path(name).exists() else Path(name)


def _last_saved(folder: Path) -> float | None:
    """When the folder's last checkpoint of a generator was written; None for the runs of teachers and other folders."""
    if is_released(folder):
        return max(path.stat().st_mtime for path in (folder / "checkpoints").glob("gen_*.pt"))
    for path in reversed(list_checkpoints(folder / "checkpoints")):
        try:
            # Mapped, not read: only the kind is asked for.
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except (OSError, RuntimeError, EOFError, ValueError):
            continue  # a damaged file does not say what it was; the one before it does
        return path.stat().st_mtime if content.get("kind") == KIND else None
    return None


def _load_released(folder: Path, device: torch.device | str, which: int | None) -> StoredGenerator:
    released = read_released(folder, which)
    network = build_generator(released.config, released.identities, pretrained=False)
    network.load_state_dict(released.generator)
    return StoredGenerator(network.to(device).eval(), released.config, (), released.iteration)
