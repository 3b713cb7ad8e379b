"""Files appear whole or not at all."""

import codecs
import contextlib
import difflib
import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from dgnet.core.errors import UserError

_LONGEST_NAME = 255  # bytes, of most systems
# What writing to a full disk raises, without the name of the file: no space, the share of a user, the largest file.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def user_path(text: str | Path) -> Path:
    """A path as a user writes it, `~` expanded.

    `UserError` for an empty one, which would be the current folder, for an unknown user and for a zero byte.

    Example:
        >>> user_path("~/people") == Path.home() / "people"
        True
    """
    if not str(text):
        raise UserError("must be a path, got ''")
    if "\0" in str(text):
        raise UserError(f"must be a path without zero bytes, got {str(text)!r}")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise UserError(f"must be a path, got {str(text)!r}: no such user") from error


def check_place(path: Path) -> None:
    """`UserError` unless a file can be written as `path`, with the folders above it: to be asked before long work."""
    folder = path.absolute().parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir():
        raise UserError(f"{path}: cannot be written, {folder} is a file and no folder")
    if path.is_dir():
        raise UserError(f"{path}: must be a file, it is a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"{path}: cannot be written, {folder} is not writable")


@contextlib.contextmanager
def disk_errors_name(path: Path) -> Iterator[None]:
    """The error of a full disk, which names no file, or the one that is copied, names `path`: what is written."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            error.filename, error.filename2 = str(path), None
        raise


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A binary file to write to, which takes the place of `path` once the block has ended without an error.

    Until then a reader finds the old file, or none: the bytes go to `.NAME.partial` in the same folder, reach the disk,
    and only then receive their name. An error inside the block, a full disk among them, removes the partial file and
    leaves the old one as it was. A process that is killed leaves a `.partial` file, which the next write replaces.
    """
    path = Path(path)
    name = f".{path.name}.partial"
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()}.partial"
    partial = path.with_name(name)
    try:
        with open(partial, "wb") as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(partial, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and (error.filename == str(partial) or error.errno in _FULL):
            error.filename, error.filename2 = str(path), None  # the name that the user gave
        raise
    _sync_folder(path.parent)


def replace_text(path: Path, text: str) -> None:
    """Write `text` (UTF-8) to `path`, whole or not at all."""
    try:
        content = text.encode("utf-8")
    except UnicodeEncodeError as error:
        lines = text.splitlines()
        line = next(line for line in lines if not _is_utf8(line))
        raise UserError(
            f"{path}: not written, as a file's name in it is no UTF-8 ({line.strip()[:200]!r}); rename that file"
        ) from error
    with replacing(path) as handle:
        handle.write(content)


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, or in UTF-16 or UTF-32 with the mark that Windows writes in front; no other is
    guessed. Line ends become `\\n`.

    Raises:
        UserError: it is no text, or one in another encoding; it names the line.
    """
    content = path.read_bytes()
    marks = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"}
    marks |= {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
    encoding = next((name for mark, name in marks.items() if content.startswith(mark)), "utf-8-sig")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UserError(f"{path}, line {line}: not a text file in UTF-8 or UTF-16; save it as UTF-8") from error
    if "\0" in text:
        raise UserError(f"{path}: not a text file, it holds zero bytes; save it as UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def nearest_folder(path: Path) -> str:
    """Where a path that is not there goes wrong, as the part of a sentence: the nearest folder above it that exists,
    and the name there that the user may have meant.
    """
    path = Path(path).absolute()
    child = path
    while not child.parent.is_dir():
        child = child.parent
    if child.exists():
        return f"{child} is a file"
    try:
        names = os.listdir(child.parent)
    except OSError:
        names = []
    lower = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(child.name.casefold(), lower, 1)
    return f"{child.parent} is there" + (f", and has {lower[close[0]]}" if close else f", without {child.name}")


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut. Windows and some network file systems cannot; the file is whole there."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
