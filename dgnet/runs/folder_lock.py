"""One process at a time works in a folder: a lock of the operating system, which ends with its process."""

import contextlib
import os
import platform
from pathlib import Path

import filelock

from dgnet.core.errors import UserError

LOCK, _OWNER = ".lock", ".lock_owner"


class FolderLock:
    """The lock of a folder; it holds until `close`, or until the process ends."""

    def __init__(self, folder: Path, lock: filelock.BaseFileLock) -> None:
        self._owner, self._lock = folder / _OWNER, lock

    def close(self) -> None:
        """Let other processes into the folder."""
        # The folder may have been renamed meanwhile.
        with contextlib.suppress(OSError):
            self._owner.unlink(missing_ok=True)
        self._lock.release(force=True)


def lock_folder(folder: Path) -> FolderLock:
    """Keep other processes out of `folder` until what is returned is closed, or this process ends.

    Raises `UserError` where another process has it.
    """
    lock = filelock.FileLock(folder / LOCK, timeout=0, thread_local=False)
    owner = folder / _OWNER
    try:
        lock.acquire()
    except filelock.Timeout as error:
        try:
            name = owner.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            name = ""
        raise UserError(
            f"{folder} is in use by {name or 'another process'}; wait for it, stop it, or use another --name"
        ) from error
    except (OSError, NotImplementedError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise UserError(f"{folder} cannot be locked against a second process: {reason}") from error
    # In a file of its own: a locked one cannot be read on every system.
    with contextlib.suppress(OSError):
        owner.write_text(f"process {os.getpid()} on {platform.node()}\n", encoding="utf-8")
    return FolderLock(folder, lock)
