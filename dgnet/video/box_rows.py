"""The rows of a file of boxes as numbers: MOT-Challenge text, or CSV with the names of columns."""

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int64

from dgnet.core.errors import AdvisedError, UserError
from dgnet.core.files import nearest_folder
from dgnet.video.box_cells import is_number, read_cells
from dgnet.video.box_columns import MOT_FORMS, ParseRow, has_classes, mot_columns, named_columns

_LONGEST = max(MOT_FORMS)
WITHOUT_AREA, WITHOUT_TRACK = "boxes without area", "boxes without a track number"
REPEATED = "repeats of a box of the same frame"


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


def read_rows(path: Path, person_class: int | None) -> BoxRows:
    """The rows of a file. `UserError` names the line that cannot be read."""
    if not path.is_file():
        raise UserError(f"{path}: no such file of boxes; {nearest_folder(path)}")
    lines = read_cells(path)
    first_line, head = next(lines, (0, None))
    if head is None:
        raise UserError(f"{path}: must hold boxes of people, it is empty")
    named = not all(is_number(cell) for cell in head)
    parse: ParseRow
    if named:
        columns = [cell.strip().lower() for cell in head]
        parse, form, first_frame = named_columns(path, columns, person_class)
    else:
        columns = head
        parse, form, first_frame = mot_columns(path, head, person_class), MOT_FORMS[len(head)], 1
    numbers, places, left_out = array("q"), array("d"), Counter[str]()
    # Whether each line of 10 numbers may have a class; then it is asked for, as cars would be people.
    classes = len(columns) == _LONGEST and not named and person_class is None
    highest = 0.0
    for line, cells in _with_first(lines, None if named else (first_line, head)):
        where = f"{path}, line {line}"
        if len(cells) != len(columns):
            raise UserError(f"{where}: must have {len(columns)} values like the first line, it has {len(cells)}")
        row = parse(cells, where)
        if classes := classes and has_classes(cells):
            highest = max(highest, float(cells[-3]))
        if isinstance(row, str):
            left_out[row] += 1
            continue
        numbers.extend((row.frame, row.track, line))
        places.extend((*row.place, row.score))
    if classes and highest:
        raise AdvisedError(
            f"{path}: the last three of its 10 numbers may be a class and two marks, as those of VisDrone, and not the "
            "position of MOT-15",
            "--person-class says which class is people",
        )
    frames, tracks, line_numbers = np.array(numbers, np.int64).reshape(-1, 3).T.copy()
    parts = np.array(places, np.float64).reshape(-1, 5)
    return BoxRows(form, first_frame, frames, parts[:, :4].copy(), parts[:, 4].copy(), tracks, line_numbers, left_out)


def _with_first(
    lines: Iterator[tuple[int, list[str]]], first: tuple[int, list[str]] | None
) -> Iterator[tuple[int, list[str]]]:
    if first is not None:
        yield first
    yield from lines
