"""Log files that grow together, frame by frame. Whenever the process ends, they are as after some whole frame."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from dgnet.core.errors import UserError
from dgnet.core.files import disk_errors_name

FRAMES = "frames.csv"


class FrameLog:
    """Text files of a folder, and `frames.csv` with a line for each finished frame: its values, and the lengths of the
    files after it.

    Opened again, the files are cut to the lengths of the last whole line. `last` is the last finished frame, -1 for
    none.
    """

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._folder = folder
        path = folder / FRAMES
        content = path.read_bytes() if path.is_file() else b""
        whole = content.rfind(b"\n") + 1
        lines = content[:whole].splitlines()
        lengths = [int(value) for value in lines[-1].split(b",")[-len(names) :]] if lines else [0] * len(names)
        self.last = len(lines) - 1
        self._files = {name: _cut(folder / name, length) for name, length in zip(names, lengths, strict=True)}
        self._frames = _cut(path, whole)

    def append(self, name: str, text: str) -> None:
        """Write to a file of the frame that is worked on."""
        with disk_errors_name(self._folder):
            self._files[name].write(text.encode())

    def end_frame(self, *values: object) -> None:
        """The frame is finished; `values` are kept with it."""
        with disk_errors_name(self._folder):
            for file in self._files.values():
                file.flush()
            cells = [str(value) for value in (*values, *(file.tell() for file in self._files.values()))]
            self._frames.write((",".join(cells) + "\n").encode())
            self._frames.flush()
        self.last += 1

    def frames(self) -> Iterator[list[str]]:
        """The values of each finished frame, and the lengths of the files after it."""
        with open(self._folder / FRAMES, encoding="utf-8") as file:
            for line in file:
                yield line.rstrip("\n").split(",")

    def parts(self, name: str) -> Iterator[str]:
        """What was written to a file for each finished frame."""
        place = list(self._files).index(name) - len(self._files)
        with open(self._folder / name, "rb") as file:
            for values in self.frames():
                yield file.read(int(values[place]) - file.tell()).decode()

    def close(self) -> None:
        """Close the files."""
        for file in (*self._files.values(), self._frames):
            file.close()


def _cut(path: Path, length: int) -> IO[bytes]:
    """The file, opened to write after so many bytes of it."""
    path.touch()
    if path.stat().st_size < length:
        raise UserError(f"{path}: damaged, it is shorter than it was; remove {path.parent} to begin again")
    file = open(path, "r+b")  # noqa: SIM115  # it stays open for the whole source
    os.truncate(path, length)
    file.seek(length)
    return file
