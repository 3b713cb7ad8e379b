"""Runs by their name: which folder below `outputs/` is meant, and which of them hold a trained generator.

A folder of the official release (`outputs/NAME` with `gen_00100000.pt`, `id_...`, `dis_...`) counts as a run, too.
"""

from pathlib import Path

from dgnet.core.errors import UserError
from dgnet.core.files import user_path
from dgnet.core.weights import read_content
from dgnet.runs.checkpoint import list_checkpoints
from dgnet.runs.load import KIND


def find_run(name: str | Path | None, output: Path = Path()) -> Path:
    """The folder of a run, or the file of one checkpoint.

    Args:
        name: a run below `output/outputs`, or a path: a run's folder, a checkpoint, or a folder of the official
            release. None: the run below `output/outputs` whose generator was saved last.

    Raises:
        UserError: nothing is there.
    """
    if name is None:
        return latest_run(output / "outputs")
    run, path = output / "outputs" / name, user_path(name)
    path = run if run.is_dir() or not path.exists() else path
    if not path.exists():
        raise unknown_run(str(name), "run", runs_of_generators(output / "outputs"), output)
    return path


def latest_run(outputs: Path) -> Path:
    """The folder below `outputs` with the newest checkpoint of a generator. `UserError` where there is none."""
    runs = [(saved, folder) for folder in run_folders(outputs) if (saved := _last_saved(folder)) is not None]
    if not runs:
        raise UserError(
            f"{outputs} holds no trained generator: `make demo` or tools/train_gan.py makes one, --name names another"
        )
    return max(runs)[1]


def runs_of_generators(outputs: Path) -> list[str]:
    """The names of the runs below `outputs` that hold a trained generator, sorted."""
    return [folder.name for folder in run_folders(outputs) if holds_generator(folder)]


def holds_generator(folder: Path) -> bool:
    """Whether a run's folder holds a trained generator, ours or official; it may hold its teacher beside it."""
    return _last_saved(folder) is not None


def run_folders(outputs: Path) -> list[Path]:
    """The runs below `outputs`, of whatever kind, sorted by name; none where there is no such folder."""
    return sorted(folder for folder in outputs.iterdir() if folder.is_dir()) if outputs.is_dir() else []


def unknown_run(name: str, kind: str, known: list[str], output: Path) -> UserError:
    """The error for a name that is neither a path nor one of the `known` runs below `output/outputs`."""
    runs = f"the runs there: {', '.join(known)}" if known else "there is none at all"
    return UserError(f"{name}: no such {kind}, and no run of that name below {output / 'outputs'}; {runs}")


def is_official(folder: Path) -> bool:
    """Whether this is an `outputs/NAME` of the official release."""
    return bool(official_checkpoints(folder)) and not list_checkpoints(folder / "checkpoints")


def official_checkpoints(folder: Path) -> list[Path]:
    """The generators `gen_00100000.pt` in an `outputs/NAME` of the official release."""
    return list((folder / "checkpoints").glob("gen_*.pt"))


def _last_saved(folder: Path) -> float | None:
    """When the folder's last checkpoint of a generator was written; None for the runs of teachers and other folders."""
    if is_official(folder):
        return max(path.stat().st_mtime for path in official_checkpoints(folder))
    for path in reversed(list_checkpoints(folder / "checkpoints")):
        try:
            # Mapped, not read: the kind is all that is needed.
            content = read_content(path, mmap=True)
        except UserError:
            continue  # a damaged file does not say what it was; the one before it does
        return path.stat().st_mtime if isinstance(content, dict) and content.get("kind") == KIND else None
    return None
