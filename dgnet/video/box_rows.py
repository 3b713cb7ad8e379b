"""The rows of a file of boxes as numbers: MOT-Challenge text, or CSV with the names of columns.

Columns of a CSV file, by any of their names:

    frame    frame, frame_id, frame_index, frame_idx, frame_number
    box      left, top, width, height; bb_left, ...; bbox_left, ...
             or two corners: x1, y1, x2, y2; x_min, ...; xmin, ...
    track    track, track_id, tracker_id, object_id, id (not necessary; -1 or empty: none)
    score    score, confidence, conf (not necessary; empty: none)
    class    class, class_name, label (person, pedestrian), class_id, category_id (a number) (not necessary)
"""

import csv
import math
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from dgnet.core.errors import UserError
from dgnet.core.files import nearest_folder
from dgnet.video.boxes import NO_TRACK

NOT_COUNTED, OTHER_CLASS = "rows of confidence 0", "rows of other classes"
WITHOUT_AREA, WITHOUT_TRACK = "boxes without area", "boxes without a track number"

_FRAME = ("frame", "frame_id", "frame_index", "frame_idx", "frame_number")
_TRACK = ("track", "track_id", "tracker_id", "object_id", "id")
_SCORE = ("score", "confidence", "conf")
_CLASS = ("class_name", "label", "class", "class_id", "category_id")
_SIZES = (
    ("left", "top", "width", "height"),
    ("bb_left", "bb_top", "bb_width", "bb_height"),
    ("bbox_left", "bbox_top", "bbox_width", "bbox_height"),
)
_CORNERS = (("x1", "y1", "x2", "y2"), ("x_min", "y_min", "x_max", "y_max"), ("xmin", "ymin", "xmax", "ymax"))
_PEOPLE = ("person", "pedestrian")
_PEDESTRIAN = 1  # of MOT-16, 17 and 20; the other classes are vehicles, riders, statues, reflections
# Beyond this not every whole number is a number of floating point.
_LARGEST = 2**53
_FORMS = {
    6: "MOT-Challenge lines of 6 numbers, without confidence",
    7: "MOT-Challenge lines of 7 numbers",
    9: "MOT-16/17/20 lines of 9 numbers, with classes",
    10: "MOT-15 lines of 10 numbers",
}


@dataclass(frozen=True)
class BoxRows:
    """Rows that stand for people, in the order of the file; `frames` are the file's own numbers.

    Attributes:
        first_frame: the number of the first frame in files of this form.
        places: left, top, width, height.
        scores: NaN where there is none.
        tracks: -1 where there is none.
        lines: of the file, counted from 1.
        left_out: reason -> how many rows.
    """

    form: str
    first_frame: int
    frames: Int64[np.ndarray, " row"]
    places: Float64[np.ndarray, "row 4"]
    scores: Float64[np.ndarray, " row"]
    tracks: Int64[np.ndarray, " row"]
    lines: Int64[np.ndarray, " row"]
    left_out: Counter[str]


class _Row(NamedTuple):
    frame: int
    track: int
    place: list[float]
    score: float


# A line's cells, and what an error calls the line -> the row, or why it takes no part.
_Parse = Callable[[Sequence[str], str], _Row | str]


def read_rows(path: Path, person_class: int | None) -> BoxRows:
    """The rows of a file. `UserError` names the line that cannot be read."""
    if not path.is_file():
        raise UserError(f"{path}: no such file of boxes; {nearest_folder(path)}")
    lines = _cells(path)
    first_line, head = next(lines, (0, None))
    if head is None:
        raise UserError(f"{path}: must hold boxes of people, it is empty")
    named = not all(_is_number(cell) for cell in head)
    if person_class is not None and not named:
        raise UserError(f"{path}: --person-class is for CSV files with a column of classes, this has no such column")
    parse: _Parse
    if named:
        columns = [cell.strip().lower() for cell in head]
        parse, form, first_frame = _named_columns(path, columns, person_class)
    else:
        columns = head
        parse, form, first_frame = _mot_columns(path, head), _FORMS[len(head)], 1
    numbers, places, left_out = array("q"), array("d"), Counter[str]()
    for line, cells in _with_first(lines, None if named else (first_line, head)):
        where = f"{path}, line {line}"
        if len(cells) != len(columns):
            raise UserError(f"{where}: must have {len(columns)} values like the first line, it has {len(cells)}")
        row = parse(cells, where)
        if isinstance(row, str):
            left_out[row] += 1
            continue
        numbers.extend((row.frame, row.track, line))
        places.extend((*row.place, row.score))
    frames, tracks, line_numbers = np.array(numbers, np.int64).reshape(-1, 3).T.copy()
    parts = np.array(places, np.float64).reshape(-1, 5)
    return BoxRows(form, first_frame, frames, parts[:, :4].copy(), parts[:, 4].copy(), tracks, line_numbers, left_out)


def _with_first(
    lines: Iterator[tuple[int, list[str]]], first: tuple[int, list[str]] | None
) -> Iterator[tuple[int, list[str]]]:
    if first is not None:
        yield first
    yield from lines


def _cells(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The number and the cells of each line that is not empty."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            head = next((line for line in file if line.strip()), "")
            file.seek(0)
            by_spaces = (line.split() for line in file)
            reader: Iterator[list[str]] = csv.reader(file, skipinitialspace=True) if "," in head else by_spaces
            for number, cells in enumerate(reader, 1):
                # A comma at the end of every line is no further value.
                cells = cells[:-1] if len(cells) > 1 and not cells[-1].strip() else cells
                if any(cell.strip() for cell in cells):
                    yield number, cells
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: must be a text file of boxes in UTF-8, it is none") from error


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(text: str, where: str, name: str) -> float:
    # float() would take 1_5 for 15.
    if not _is_number(text) or "_" in text:
        raise UserError(f"{where}: the {name} must be a number, got {text.strip()!r}")
    value = float(text)
    if not math.isfinite(value):
        raise UserError(f"{where}: the {name} must be a finite number, got {text.strip()!r}")
    return value


def _whole(text: str, where: str, name: str, least: int) -> int:
    value = _number(text, where, name)
    if value != int(value) or not least <= value <= _LARGEST:
        raise UserError(f"{where}: the {name} must be a whole number of at least {least}, got {text.strip()!r}")
    return int(value)


def _box(cells: Sequence[str], names: Sequence[str], where: str) -> list[float]:
    return [_number(cell, where, name) for cell, name in zip(cells, names, strict=True)]


def _mot_columns(path: Path, head: Sequence[str]) -> _Parse:
    if len(head) not in _FORMS:
        raise UserError(
            f"{path}: lines of boxes must have {', '.join(map(str, _FORMS))} numbers as the MOT-Challenge's, or the "
            f"first line must name columns; the first line has {len(head)} numbers"
        )

    def parse(cells: Sequence[str], where: str) -> _Row | str:
        frame, track = _whole(cells[0], where, "frame", 0), _whole(cells[1], where, "track number", NO_TRACK)
        box = _box(cells[2:6], _SIZES[0], where)
        score = math.nan if len(cells) == 6 else _number(cells[6], where, "confidence")
        if score == 0:
            return NOT_COUNTED
        if len(cells) == 9 and _whole(cells[7], where, "class", -1) not in (_PEDESTRIAN, -1):
            return OTHER_CLASS
        return _Row(frame, track, box, score)

    return parse


def _named_columns(path: Path, columns: list[str], person_class: int | None) -> tuple[_Parse, str, int]:
    def place(names: Sequence[str]) -> int | None:
        return next((columns.index(name) for name in names if name in columns), None)

    twice = next((name for name in columns if name and columns.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{path}: the first line names the column {twice} twice")
    frame, track, score, kind = map(place, (_FRAME, _TRACK, _SCORE, _CLASS))
    names = next((group for group in (*_SIZES, *_CORNERS) if set(group) <= set(columns)), None)
    if frame is None or names is None:
        raise UserError(
            f"{path}: the first line must name a column frame and the columns left, top, width, height or x1, y1, x2, "
            f"y2 (x and y alone may be a corner or the center); it names {', '.join(columns)}"
        )
    if person_class is not None and kind is None:
        raise UserError(f"{path}: --person-class needs a column of classes ({', '.join(_CLASS)}), there is none")
    box, source = [columns.index(name) for name in names], place(("source",))
    sources: set[str] = set()

    def parse(cells: Sequence[str], where: str) -> _Row | str:
        if source is not None:
            sources.add(cells[source])
            if len(sources) > 1:
                raise UserError(f"{where}: must hold boxes of one source, it has {' and '.join(sorted(sources))}")
        if kind is not None and not _is_person(cells[kind].strip(), person_class, where):
            return OTHER_CLASS
        values = _box([cells[number] for number in box], names, where)
        if names in _CORNERS:
            values = [values[0], values[1], values[2] - values[0], values[3] - values[1]]
        confidence = math.nan
        if score is not None and cells[score].strip():
            confidence = _number(cells[score], where, "score")
        if confidence == 0:
            return NOT_COUNTED
        number = NO_TRACK
        if track is not None and cells[track].strip():
            number = _whole(cells[track], where, "track number", NO_TRACK)
        return _Row(_whole(cells[frame], where, "frame", 0), number, values, confidence)

    return parse, f"CSV with the columns {', '.join(names)}", int(names == _SIZES[1])


def _is_person(text: str, person_class: int | None, where: str) -> bool:
    if not _is_number(text):
        return text.lower() in _PEOPLE
    if person_class is None:
        raise UserError(f"{where}: its classes are numbers ({text}): --person-class says which of them is people")
    return float(text) == person_class
