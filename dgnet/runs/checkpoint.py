"""The checkpoints of a run: their names and order, the newest whole one, and which to delete."""

import logging
import re
from pathlib import Path

from dgnet.core.checkpoint import find_damage
from dgnet.core.errors import UserError

_NAME = re.compile(r"checkpoint_(\d{8,})\.pt")
_log = logging.getLogger(__name__)


def checkpoint_path(folder: Path, iteration: int) -> Path:
    """Where the state after `iteration` iterations is kept: `folder/checkpoint_00012000.pt`."""
    return Path(folder) / f"checkpoint_{iteration:08d}.pt"


def checkpoint_iteration(path: Path) -> int:
    """How many iterations the checkpoint of this name had behind it. Raises `UserError` for any other file name."""
    match = _NAME.fullmatch(Path(path).name)
    if match is None:
        raise UserError(f"{path} is not named like a checkpoint (checkpoint_00012000.pt)")
    return int(match[1])


def list_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints of a folder, oldest first; a folder that does not exist has none."""
    folder = Path(folder)
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if _NAME.fullmatch(path.name)), key=checkpoint_iteration)


def latest_checkpoint(folder: Path) -> Path | None:
    """The newest whole checkpoint, or None where the folder has none at all.

    A damaged one is passed over with a warning that names it, and stays where it is. Raises `UserError` when all are
    damaged: to start again from nothing is the user's decision.
    """
    checkpoints = list_checkpoints(folder)
    for path in reversed(checkpoints):
        damage = find_damage(path)
        if damage is None:
            return path
        _log.warning("the checkpoint %s is damaged (%s): passed over for the one before it", path, damage)
    if checkpoints:
        last = checkpoints[-1].name
        raise UserError(f"every checkpoint in {folder} is damaged, the last is {last}; move them away to start again")
    return None


def prune(folder: Path, keep: int, newest: int) -> list[Path]:
    """Delete all but the last `keep` (>= 1) checkpoints up to iteration `newest`, the one just written.

    Returns the deleted files. Checkpoints later than `newest` are neither counted nor touched: they are damaged ones
    that a resumed run passed over. What a kill in the middle of a save left behind goes too.
    """
    if keep < 1:
        raise UserError(f"the number of checkpoints to keep must be at least 1, not {keep}")
    for unfinished in Path(folder).glob(".checkpoint_*.pt.partial"):
        unfinished.unlink()
    until_now = [path for path in list_checkpoints(folder) if checkpoint_iteration(path) <= newest]
    for path in until_now[:-keep]:
        path.unlink()
    return until_now[:-keep]
