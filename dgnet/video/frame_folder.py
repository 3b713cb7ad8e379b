"""A folder of frames or of photographs as a source: its images in the order of the numbers in their names."""

import configparser
import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from dgnet.core.content import content_hashes
from dgnet.core.errors import UserError
from dgnet.core.images import image_files, read_image
from dgnet.video.frames import Frame, Picture

_INFORMATION = "seqinfo.ini"  # of the MOT-Challenge: beside the folder img1
_FASTEST = 1000.0  # frames a second, as --frame-rate


class FrameFolder:
    """The images of a folder, one frame each.

    Their order is that of the numbers in their names (`frame2.jpg` before `frame10.jpg`). A folder has no clock:
    `Frame.time` is the frame's place by `rate` (frames a second), or None. Without `rate` that of a `seqinfo.ini` (the
    MOT-Challenge's) in the folder or the one above is taken. An image that does not decode is a frame without a
    picture, and counted.

    `size` is the height and width of its frames by `seqinfo.ini`; None without it.

    `UserError` for a folder without images, or with images in several folders below it.
    """

    def __init__(self, folder: Path, rate: float | int | None = None) -> None:
        self.place = str(folder)
        # A sequence of the MOT-Challenge keeps its frames in img1.
        inside = folder / "img1"
        folder = inside if inside.is_dir() else folder
        self.name = folder.resolve().parent.name if folder.name == inside.name else folder.resolve().name
        self._files = sorted(image_files(folder), key=lambda path: _natural(path.relative_to(folder).as_posix()))
        if len(folders := {path.parent for path in self._files}) > 1:
            first, second = sorted(folders)[:2]
            raise UserError(f"{folder}: frames must lie in one folder, there are images in {first} and {second}")
        told, self.size = _information_of(folder)
        self._rate = rate if rate is not None else told
        self._damaged: list[str] = []
        self._sizes: set[tuple[int, int]] = set()

    def rate(self) -> float | None:
        """What gives its frames times; None where they have none."""
        return None if self._rate is None else float(self._rate)

    def expected(self) -> int:
        """The number of images."""
        return len(self._files)

    def frames(self) -> Iterator[Frame]:
        """The images from the first on."""
        self._damaged, self._sizes = [], set()
        for index, path in enumerate(self._files):
            seconds = None if self._rate is None else index / self._rate
            yield Frame(index, seconds, partial(self._read, path))

    def remarks(self) -> list[str]:
        """Images that do not decode, sizes that differ, and missing numbers where the frames have times."""
        more = f" (and {len(self._damaged) - 1} more)" if len(self._damaged) > 1 else ""
        said = [f"{self._damaged[0]}{more}: passed over"] if self._damaged else []
        if len(self._sizes) > 1:
            sizes = ", ".join(f"{height}x{width}" for height, width in sorted(self._sizes))
            said.append(
                f"{self.place}: its images are of {len(self._sizes)} sizes ({sizes}), each with boxes of its own"
            )
        if self._rate is not None and (gap := self.gap()):
            said.append(
                f"{self.place}: {gap[0].name} is followed by {gap[1].name}: times count as if none were missing"
            )
        return said

    def content(self) -> str:
        """One SHA-256 of all its files in their order: others, or the same in another order, are another source."""
        return hashlib.sha256(" ".join(content_hashes(self._files)).encode()).hexdigest()

    def first(self) -> tuple[Path, int | None]:
        """The first frame's file, and the number in its name."""
        return self._files[0], _frame_numbers([path.stem for path in self._files])[0]

    def gap(self) -> tuple[Path, Path] | None:
        """Two neighbors whose numbers are not neighbors: a file of boxes may mean other frames then."""
        numbers = _frame_numbers([path.stem for path in self._files])
        for place, (number, after) in enumerate(zip(numbers, numbers[1:], strict=False)):
            if number is not None and after is not None and after != number + 1:
                return self._files[place], self._files[place + 1]
        return None

    def _read(self, path: Path) -> Picture | None:
        try:
            picture = np.ascontiguousarray(read_image(path).permute(1, 2, 0).numpy())
            self._sizes.add(picture.shape[:2])
            return picture
        except UserError as error:
            self._damaged.append(str(error))
            return None


def _natural(name: str) -> list[tuple[int, str]]:
    """A key by which numbers inside a name count as numbers."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", name) if part]


def _frame_numbers(stems: Sequence[str]) -> list[int | None]:
    """The number of each frame in its name: of several numbers the only one that is not the same in all names, or else
    the last; None without any.

    >>> _frame_numbers(["frame_9_cam2", "frame_10_cam2"])
    [9, 10]
    """
    numbers = [re.findall(r"[0-9]+", stem) for stem in stems]
    place = -1
    if len({len(found) for found in numbers}) == 1:
        varied = [number for number, column in enumerate(zip(*numbers, strict=True)) if len(set(column)) > 1]
        place = varied[0] if len(varied) == 1 else -1
    return [int(found[place]) if found else None for found in numbers]


def _information_of(folder: Path) -> tuple[float | None, tuple[int, int] | None]:
    """The rate, and height and width, that a `seqinfo.ini` tells."""
    for path in (folder / _INFORMATION, folder.parent / _INFORMATION):
        if path.is_file():
            parsed = configparser.ConfigParser()
            try:
                parsed.read(path, encoding="utf-8")
                rate = parsed.getfloat("Sequence", "frameRate")
                sizes = [parsed.getint("Sequence", name, fallback=0) for name in ("imHeight", "imWidth")]
            except (configparser.Error, ValueError) as error:
                raise UserError(f"{path}: must have the line frameRate=NUMBER in [Sequence] ({error})") from error
            if not 0 < rate <= _FASTEST:
                raise UserError(f"{path}: frameRate must be above 0 and at most {_FASTEST:g}, got {rate:g}")
            return rate, (sizes[0], sizes[1]) if all(sizes) else None
    return None, None
