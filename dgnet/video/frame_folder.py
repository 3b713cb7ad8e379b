"""A folder of frames or of photographs as a source: its images in the order of the numbers in their names."""

import configparser
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from dgnet.core.errors import UserError
from dgnet.core.images import image_files, read_image
from dgnet.video.frames import Frame, Picture

_INFORMATION = "seqinfo.ini"  # of the MOT-Challenge: beside the folder img1


class FrameFolder:
    """The images of a folder, one frame each.

    Their order is that of the numbers in their names (`frame2.jpg` before `frame10.jpg`). A folder has no clock:
    `Frame.time` is the frame's place by `rate` (frames a second), or None. Without `rate` that of a `seqinfo.ini` (the
    MOT-Challenge's) in the folder or the one above is taken. An image that does not decode is a frame without a
    picture, and counted.

    `UserError` for a folder without images.
    """

    def __init__(self, folder: Path, rate: float | int | None = None) -> None:
        self.place = str(folder)
        # A sequence of the MOT-Challenge keeps its frames in img1.
        inside = folder / "img1"
        folder = inside if inside.is_dir() else folder
        self.name = folder.resolve().parent.name if folder.name == inside.name else folder.resolve().name
        self._files = sorted(image_files(folder), key=lambda path: _natural(path.relative_to(folder).as_posix()))
        self._rate = rate if rate is not None else _rate_of(folder)
        self._damaged: list[str] = []

    def rate(self) -> float | None:
        """What gives its frames times; None where they have none."""
        return None if self._rate is None else float(self._rate)

    def expected(self) -> int | None:
        """The number of images."""
        return len(self._files)

    def frames(self) -> Iterator[Frame]:
        """The images from the first on."""
        self._damaged = []
        for index, path in enumerate(self._files):
            seconds = None if self._rate is None else index / self._rate
            yield Frame(index, seconds, partial(self._read, path))

    def remarks(self) -> list[str]:
        """Images that do not decode."""
        more = f" (and {len(self._damaged) - 1} more)" if len(self._damaged) > 1 else ""
        return [f"{self._damaged[0]}{more}: passed over"] if self._damaged else []

    def gap(self) -> tuple[Path, Path] | None:
        """Two neighbors whose numbers are not neighbors: a file of boxes may mean other frames then."""
        numbers = [_last_number(path.stem) for path in self._files]
        for place, (number, after) in enumerate(zip(numbers, numbers[1:], strict=False)):
            if number is not None and after is not None and after != number + 1:
                return self._files[place], self._files[place + 1]
        return None

    def _read(self, path: Path) -> Picture | None:
        try:
            return np.ascontiguousarray(read_image(path).permute(1, 2, 0).numpy())
        except UserError as error:
            self._damaged.append(str(error))
            return None


def _natural(name: str) -> list[tuple[int, str]]:
    """A key by which numbers inside a name count as numbers."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", name) if part]


def _last_number(stem: str) -> int | None:
    found = re.findall(r"[0-9]+", stem)
    return int(found[-1]) if found else None


def _rate_of(folder: Path) -> float | None:
    for path in (folder / _INFORMATION, folder.parent / _INFORMATION):
        if path.is_file():
            parsed = configparser.ConfigParser()
            try:
                parsed.read(path, encoding="utf-8")
                rate = parsed.getfloat("Sequence", "frameRate")
            except (configparser.Error, ValueError) as error:
                raise UserError(f"{path}: must have the line frameRate=NUMBER in [Sequence] ({error})") from error
            if not rate > 0:
                raise UserError(f"{path}: frameRate must be above 0, got {rate:g}")
            return rate
    return None
