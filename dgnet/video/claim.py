"""A gallery is locked while a source is added to it; a source is begun once, and resumed with the same request."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dgnet.core.errors import UserError
from dgnet.core.files import replace_text
from dgnet.core.json_files import parse_json
from dgnet.runs.folder import differences
from dgnet.runs.folder_lock import LOCK, FolderLock, lock_folder
from dgnet.video.gallery import ABOUT, TABLE, is_gallery, read_gallery

PROGRESS, REQUEST = ".progress", "request.json"


def claim_source(gallery: Path, name: str, request: Mapping[str, Any], *, resume: bool) -> FolderLock:
    """Begin a source, or check that it may go on; other processes are kept out of the gallery."""
    if name.startswith(".") or name.lower() == TABLE:
        raise UserError(
            f"{gallery}: a source's name must not begin with a dot nor be {TABLE}, got {name}; --source-name gives it "
            "another name"
        )
    path = gallery / PROGRESS / name / REQUEST
    if gallery.exists() and not gallery.is_dir():
        raise UserError(f"{gallery}: must be a folder, it is a file")
    begun = path.is_file()
    own = {PROGRESS, *(entry.name for entry in (gallery / PROGRESS).glob("*"))}
    if gallery.is_dir() and not is_gallery(gallery) and {entry.name for entry in gallery.iterdir()} - own:
        raise UserError(f"{gallery}: must be a new or empty folder or a gallery, it holds other files")
    # A damaged table is told now, not after hours.
    known = {row.source for row in read_gallery(gallery)} if is_gallery(gallery) else set()
    if not begun and name in known and not (gallery / name).exists():
        raise UserError(
            f"{gallery}: {TABLE} has rows of {name}, whose folder is not there any more; remove these rows first, or "
            "--source-name gives this source another name"
        )
    if not begun and (gallery / name).exists():
        raise UserError(f"{gallery}: already holds {name}; --source-name gives this source another name")
    if begun and not resume:
        raise UserError(f"{gallery}: {name} was begun and is not finished; --resume continues it")
    if begun:
        _require_same(path, name, request)
    lock = lock_gallery(gallery)
    path.parent.mkdir(exist_ok=True)
    if not begun:
        replace_text(path, json.dumps(dict(request), indent=2) + "\n")
    return lock


def sources_of(gallery: Path, content: str | None) -> list[str]:
    """The names of the gallery's sources with this content; those that an earlier version wrote do not tell theirs."""
    named = []
    for path in sorted(gallery.glob(f"*/{ABOUT}")) if content else ():
        try:
            about = parse_json(path.read_text(encoding="utf-8"))
        except ValueError:
            continue
        if isinstance(about, dict) and about.get("content") == content:
            named.append(path.parent.name)
    return named


def lock_gallery(gallery: Path) -> FolderLock:
    """Keep other processes from writing into a gallery, until `release`. `UserError` where one does."""
    (gallery / PROGRESS).mkdir(parents=True, exist_ok=True)
    try:
        return lock_folder(gallery / PROGRESS)
    except UserError as error:
        raise UserError(f"{gallery}: another process writes into it; wait until it has finished") from error


def _require_same(path: Path, name: str, request: Mapping[str, Any]) -> None:
    try:
        changes = differences(parse_json(path.read_text(encoding="utf-8")), dict(request))
    except ValueError as error:
        raise UserError(f"{path}: damaged ({error}); remove its folder to begin again") from error
    if changes:
        listed = ", ".join(f"{key} ({before!r} there, {now!r} now)" for key, (before, now) in changes.items())
        raise UserError(f"{path}: {name} was begun with another request: {listed}")


def release(gallery: Path, lock: FolderLock) -> None:
    """Let other processes in, and remove the folders that hold nothing else."""
    lock.close()
    progress = gallery / PROGRESS
    (progress / LOCK).unlink(missing_ok=True)
    for folder in (progress, gallery):
        if not any(folder.iterdir()):
            folder.rmdir()
