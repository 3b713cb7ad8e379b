"""A gallery of people: the crops of every track, and a table of where and when each was seen.

    GALLERY/people.csv              a row for each crop, of all sources
        SOURCE/000007/00000450.jpg  the crop of track 7 on frame 450
        SOURCE/boxes.txt            every box with its track, in the MOT-Challenge's form
        SOURCE/times.txt            a line for each frame: its time in seconds; not there without a clock
        SOURCE/source.json          what the source is, and what was found in it

`people.csv` is read as a data set of the layout `csv`. Its columns:

    path       of the crop, relative to the table
    identity   a number for each person, over all sources: tracks that are told to be one person share it
    camera     of the source
    source     its name
    track      a number within the source; (source, track) is a track's key
    frame      counted from 0
    time       seconds since the source began, in the order of the frames; empty where it has no clock
    left, top, width, height   the detector's box in pixels of the upright picture, not clipped
    score      the detector's; empty without one
    quality    how much of the box can be seen, 0 to 1 (`dgnet.video.boxes.visible_shares`)
"""

import bisect
import csv
import io
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dgnet.core.errors import UserError
from dgnet.core.files import replacing

TABLE, BOXES, TIMES, ABOUT = "people.csv", "boxes.txt", "times.txt", "source.json"
COLUMNS = (
    "path",
    "identity",
    "camera",
    "source",
    "track",
    "frame",
    "time",
    "left",
    "top",
    "width",
    "height",
    "score",
    "quality",
)
# Of a row, what is not known before its source has ended.
OF_THE_GALLERY = ("identity", "camera", "source")


@dataclass(frozen=True)
class Crop:
    """A row of a gallery's table: a crop of a person, and where and when it was taken."""

    path: Path
    identity: int
    camera: int
    source: str
    track: int
    frame: int
    time: float | None
    place: tuple[float, float, float, float]
    score: float | None
    quality: float


def is_gallery(folder: Path) -> bool:
    """Whether a folder holds a table of people that were found in films."""
    try:
        with open(folder / TABLE, encoding="utf-8-sig", newline="") as file:
            return next(csv.reader(file), []) == list(COLUMNS)
    except (OSError, UnicodeDecodeError, csv.Error):
        return False


def check_gallery(folder: Path) -> None:
    """`UserError` unless a folder is a gallery."""
    if not is_gallery(folder):
        raise UserError(f"{folder}: must be a gallery of tools/find_people.py, with a {TABLE} of its columns")


def read_gallery(folder: Path) -> Iterator[Crop]:
    """The rows of a gallery's table in its order, one at a time.

    Raises:
        UserError: the folder is no gallery, a row is damaged, or times are not in the order of their frames.

    Example:
        >>> [crop.time for crop in read_gallery(Path("gallery"))][:2]  # doctest: +SKIP
        [0.0, 0.1]
    """
    clocks: dict[str, _Clock] = {}
    for where, row in read_table(folder):
        try:
            crop = Crop(
                path=folder / row["path"],
                identity=_whole(row["identity"]),
                camera=_whole(row["camera"]),
                source=row["source"],
                track=_whole(row["track"], least=0),
                frame=_whole(row["frame"], least=0),
                time=seconds_of(row["time"]),
                place=(finite(row["left"]), finite(row["top"]), finite(row["width"]), finite(row["height"])),
                score=finite(row["score"]) if row["score"] else None,
                quality=_share(row["quality"]),
            )
            if crop.time is not None:
                clocks.setdefault(crop.source, _Clock()).add(crop.frame, crop.time)
        except ValueError as error:
            raise UserError(f"{where}: damaged ({error})") from error
        yield crop


class _Clock:
    """The times of the frames of a source so far, in whatever order they come."""

    def __init__(self) -> None:
        self._frames: list[int] = []
        self._times: list[float] = []

    def add(self, frame: int, time: float) -> None:
        """`ValueError` where an earlier frame has a later time, a later one an earlier, or the same one another."""
        at = bisect.bisect_left(self._frames, frame)
        known = self._frames[at : at + 1] == [frame]
        beside = [at] if known else [other for other in (at - 1, at) if 0 <= other < len(self._frames)]
        for other in beside:
            there, then = self._frames[other], self._times[other]
            if then != time and (known or (then < time) != (there < frame)):
                raise ValueError(
                    f"times must be in the order of frames, got {time:g} s for frame {frame}, {then:g} s for {there}"
                )
        if not known:
            self._frames.insert(at, frame)
            self._times.insert(at, time)


def seconds_of(text: str) -> float | None:
    """Seconds since a beginning; None for no text. `ValueError` for what is none, NaN, infinity and less than 0."""
    seconds = finite(text) if text else None
    if seconds is not None and seconds < 0:
        raise ValueError(f"times are seconds of at least 0, got {text}")
    return seconds


def _whole(text: str, least: int = -1) -> int:
    """A whole number that arrays have room for, of at least `least`. `ValueError` for another."""
    # int() would take 1_5 for 15.
    if not re.fullmatch("-?[0-9]{1,18}", text) or int(text) < least:
        raise ValueError(f"must be a whole number of at least {least} and at most 18 digits, got {text!r}")
    return int(text)


def finite(text: str) -> float:
    """A number. `ValueError` for NaN, infinity and what is none."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"numbers are finite, got {text}")
    return number


def _share(text: str) -> float:
    """A number from 0 to 1. `ValueError` for another."""
    number = float(text)
    if not 0 <= number <= 1:
        raise ValueError(f"the quality is a number from 0 to 1, got {text}")
    return number


def read_table(folder: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows as they are written, each with what an error calls it. `UserError` where there is no such table."""
    path = folder / TABLE
    check_gallery(folder)
    with open(path, encoding="utf-8-sig", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), 2):
            if None in row or None in row.values():
                raise UserError(f"{path}, line {number}: damaged, it must have {len(COLUMNS)} values")
            yield f"{path}, line {number}", row


def write_table(folder: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Replace a gallery's table by these rows, whole or not at all; one row at a time is in memory."""
    with replacing(folder / TABLE) as binary:
        text = io.TextIOWrapper(binary, encoding="utf-8", newline="", write_through=True)
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        text.detach()


def extend_table(
    folder: Path, source: str, rows: Callable[[], Iterator[dict[str, str]]], camera: int | None = None
) -> None:
    """Append the rows of a source to the table, unless they are there.

    Each track is a person of its own; the camera is the next one where it is None.

    Args:
        rows: those of the source, from the first on each time; without identity, camera and source, and their paths
            are relative to the source's folder.
    """
    people, cameras, there = 0, 0, (folder / TABLE).is_file()
    for _, row in read_table(folder) if there else ():
        if row["source"] == source:
            return
        people, cameras = max(people, int(row["identity"])), max(cameras, int(row["camera"]))
    number = cameras + 1 if camera is None else camera

    def whole() -> Iterator[Mapping[str, object]]:
        for _, row in read_table(folder) if there else ():
            yield row
        identities: dict[str, int] = {}
        for row in rows():
            identity = identities.setdefault(row["track"], people + len(identities) + 1)
            path = f"{source}/{row['path']}"
            yield {**row, "path": path, "identity": identity, "camera": number, "source": source}

    write_table(folder, whole())


def renumber_identities(folder: Path, identity_of: Callable[[str, int], int]) -> None:
    """Give every track of a gallery the identity that `identity_of(source, track)` returns."""
    write_table(
        folder,
        ({**row, "identity": identity_of(row["source"], int(row["track"]))} for _, row in read_table(folder)),
    )
