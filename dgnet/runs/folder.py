"""Whose folder is it: one run owns `outputs/NAME`, one process at a time works in it, its configuration stays."""

from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from dgnet.core.errors import UserError
from dgnet.core.files import check_place, replace_text
from dgnet.core.old_configs import current_config
from dgnet.core.yaml_files import read_yaml
from dgnet.runs.checkpoint import list_checkpoints
from dgnet.runs.folder_lock import FolderLock, lock_folder

CONFIG = "config.yaml"
NONE: Mapping[str, Any] = MappingProxyType({})


def lock_run_folder(folder: Path, curves: Path, resume: bool) -> FolderLock:
    """Make the folders of a run and lock them; the lock holds until it is closed or the process ends.

    Raises `UserError` when the folder (or the TensorBoard folder `curves`) belongs to another run, or to this run in
    another process. Nothing that exists is changed.
    """
    refuse_foreign_folder(folder, curves, resume)
    (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    (folder / "images").mkdir(exist_ok=True)
    lock = lock_folder(folder)
    try:
        refuse_foreign_folder(folder, curves, resume)  # another process may have begun here a moment ago
    except UserError:
        lock.close()
        raise
    return lock


def refuse_foreign_folder(folder: Path, curves: Path, resume: bool) -> None:
    """Raise `UserError` where `folder` or the TensorBoard folder `curves` belongs to another run; reads alone."""
    is_run = (folder / CONFIG).exists()
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file, not the folder of a run; use another --name")
    if is_run and not resume:
        raise UserError(
            f"{folder} already holds a run; continue it with --resume, or start another under another --name"
        )
    if not is_run and list_checkpoints(folder / "checkpoints"):
        raise UserError(f"{folder} holds checkpoints but no {CONFIG} that tells what they are of; use another --name")
    if not is_run and curves.is_dir() and any(curves.iterdir()):
        raise UserError(f"{curves} holds the curves of another run; use another --name, or move that folder away")
    for path in (folder / CONFIG, curves / "events"):
        check_place(path)


def move_aside(folder: Path, curves: Path) -> dict[Path, Path]:
    """Rename an old run's folders to NAME.old_1 (or _2, ...) so that another may begin; old path -> new path.

    Nothing happens where there is none. `UserError` while a process works in it.
    """
    paths = [path for path in (folder, curves) if path.exists()]
    number = 1
    while any(path.with_name(f"{path.name}.old_{number}").exists() for path in (folder, curves)):
        number += 1
    lock = lock_folder(folder) if folder.is_dir() else None
    try:
        return {path: path.rename(path.with_name(f"{path.name}.old_{number}")) for path in paths}
    finally:
        if lock is not None:
            lock.close()


def update_config(
    folder: Path, config: Mapping[str, Any], may_change: Collection[str], defaults: Mapping[str, Any] = NONE
) -> list[str]:
    """Store the configuration of a new run, or that of a run which goes on, where only `may_change` differs.

    Arguments, return value and errors are those of `config_changes`.
    """
    changes = config_changes(folder, config, may_change, defaults)
    if changes or not (folder / CONFIG).exists():
        store_config(folder, config)
    return changes


def config_changes(
    folder: Path, config: Mapping[str, Any], may_change: Collection[str], defaults: Mapping[str, Any] = NONE
) -> list[str]:
    """How the configuration differs from the one that the run in `folder` has stored; reads alone.

    `may_change` names the settings that do not touch the arithmetic, as `run.log_every`; a name stands for everything
    below it too. `defaults` are the values of settings that are new since the run began: what it did without them.
    Returns what has changed among `may_change`, one "key: old -> new" each; nothing where no configuration is stored.
    Raises `UserError` for the run of another tool, and naming every other key that differs.
    """
    path = folder / CONFIG
    if not path.exists():
        return []
    new = yaml.safe_load(_as_text(config))
    old = _read(path, config, defaults)
    if isinstance(old, Mapping):
        # Settings outside of sections, too; a section that is missing tells another tool.
        added = {key: value for key, value in defaults.items() if key in new and not isinstance(value, Mapping)}
        old = {**added, **old}
    if not isinstance(old, Mapping) or old.keys() != new.keys():
        there = ", ".join(map(str, old)) if isinstance(old, Mapping) else "none"
        raise UserError(
            f"{folder} holds a run of another tool or version: {CONFIG} there has the sections {there}, this one "
            f"{', '.join(new)}; use another --name"
        )
    changes = differences({key: _completed(value, defaults.get(key)) for key, value in old.items()}, new)
    forbidden = [
        f"{key} ({old!r} there, {new!r} now)" for key, (old, new) in changes.items() if not _covered(key, may_change)
    ]
    if list(changes) == ["name"]:
        raise UserError(
            f"{folder} holds a run of the name {changes['name'][0]!r}: the folder was renamed; to resume it, give it "
            "and its curves below logs that name again, and name it so"
        )
    if forbidden:
        raise UserError(
            f"{folder} cannot be resumed with other settings than it began with: {', '.join(forbidden)}; "
            "use another --name for a new run"
        )
    return [f"{key}: {old!r} -> {new!r}" for key, (old, new) in changes.items()]


def store_config(folder: Path, config: Mapping[str, Any]) -> None:
    """Write the configuration of the run in `folder`."""
    replace_text(folder / CONFIG, _as_text(config))


def differences(old: Any, new: Any, prefix: str = "") -> dict[str, tuple[Any, Any]]:
    """Dotted key -> (old value, new value) wherever two nested mappings differ; a missing key counts as None."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return {} if old == new and type(old) is type(new) else {prefix: (old, new)}
    pairs: dict[str, tuple[Any, Any]] = {}
    for key in [*old, *(key for key in new if key not in old)]:
        pairs.update(differences(old.get(key), new.get(key), f"{prefix}.{key}" if prefix else str(key)))
    return pairs


def _completed(stored: Any, defaults: Any) -> Any:
    """A stored section with the defaults of the settings that it does not have."""
    if not (isinstance(stored, Mapping) and isinstance(defaults, Mapping)):
        return stored
    return {**defaults, **{key: _completed(value, defaults.get(key)) for key, value in stored.items()}}


def _as_text(config: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)


def _covered(key: str, names: Collection[str]) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in names)


def _read(path: Path, config: Mapping[str, Any], defaults: Mapping[str, Any]) -> Any:
    """What is stored, under today's keys."""
    stored = read_yaml(path, "restore it, or begin a run under another --name")
    if not isinstance(stored, Mapping):
        return stored
    try:
        current = current_config(stored, {*config, *defaults})
        # Settings that moved to a section which the run does not depend on.
        unrelated = current.keys() - current_config(stored).keys() - config.keys()
    except ValueError as error:
        raise UserError(f"{path}: {error}") from error
    return {section: values for section, values in current.items() if section not in unrelated}
