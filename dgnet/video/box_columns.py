"""What the columns of a file of boxes mean: those of the MOT-Challenge's lines, and columns of a CSV file with names.

Columns of a CSV file, by any of their names:

    frame    frame, frame_id, frame_index, frame_idx, frame_number
    box      left, top, width, height; bb_left, ...; bbox_left, ...
             or two corners: x1, y1, x2, y2; x_min, ...; xmin, ...
    track    track, track_id, tracker_id, object_id, id (not necessary; -1 or empty: none)
    score    score, confidence, conf (not necessary; empty: none)
    class    class, class_name, label (person, pedestrian), class_id, category_id, cls (a number) (not necessary)

What seems to be a track, a score or a class by another name is refused: unread, cars would be people.
"""

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from dgnet.core.errors import AdvisedError, UserError
from dgnet.video.box_cells import box_in, is_number, number_in, whole_number_in
from dgnet.video.boxes import NO_TRACK

NOT_COUNTED, OTHER_CLASS = "rows of confidence 0", "rows of other classes"

_FRAME = ("frame", "frame_id", "frame_index", "frame_idx", "frame_number")
_TRACK = ("track", "track_id", "tracker_id", "object_id", "id")
_SCORE = ("score", "confidence", "conf")
_CLASS = ("class_name", "label", "class", "class_id", "category_id", "cls")
_SIZES = (
    ("left", "top", "width", "height"),
    ("bb_left", "bb_top", "bb_width", "bb_height"),
    ("bbox_left", "bbox_top", "bbox_width", "bbox_height"),
)
_CORNERS = (("x1", "y1", "x2", "y2"), ("x_min", "y_min", "x_max", "y_max"), ("xmin", "ymin", "xmax", "ymax"))
# What they are called elsewhere, in letters and numbers alone: (what is read, what is not).
_OTHER_NAMES = {
    "track": (_TRACK, ("trackid", "tid", "targetid", "trackingid", "objid", "identity", "personid", "pid", "tracklet")),
    "score": (_SCORE, ("prob", "probability", "scores", "detscore", "detectionscore", "certainty")),
    "class": (_CLASS, ("category", "categoryname", "cat", "classname", "classes", "labels", "objectclass", "type")),
}
_PEOPLE = ("person", "pedestrian")
_CLASS_PLACE = 7  # in lines of 9 and 10 numbers
_PEDESTRIAN = 1  # of MOT-16, 17 and 20; the other classes are vehicles, riders, statues, reflections
MOT_FORMS = {
    6: "MOT-Challenge lines of 6 numbers, without confidence",
    7: "MOT-Challenge lines of 7 numbers",
    9: "MOT-16/17/20 lines of 9 numbers, with classes",
    10: "MOT-15 lines of 10 numbers",
}


class BoxRow(NamedTuple):
    """A row that stands for a person; `frame` is the file's number, `place` left, top, width and height."""

    frame: int
    track: int
    place: list[float]
    score: float


# A line's cells, and what an error calls the line -> the row, or why it takes no part.
ParseRow = Callable[[Sequence[str], str], BoxRow | str]


def mot_columns(path: Path, head: Sequence[str], person_class: int | None) -> ParseRow:
    """What reads the lines of a file with a first line `head` of numbers. `UserError` for a form that is not known, and
    for `person_class` with a form without classes."""
    if len(head) not in MOT_FORMS:
        raise UserError(
            f"{path}: lines of boxes must have {', '.join(map(str, MOT_FORMS))} numbers as the MOT-Challenge's, or the "
            f"first line must name columns; the first line has {len(head)} numbers"
        )

    if person_class is not None and len(head) <= _CLASS_PLACE:
        raise UserError(f"{path}: --person-class needs classes, and lines of {len(head)} numbers have none")

    def parse(cells: Sequence[str], where: str) -> BoxRow | str:
        frame = whole_number_in(cells[0], where, "frame", 0)
        track = whole_number_in(cells[1], where, "track number", NO_TRACK)
        box = box_in(cells[2:6], _SIZES[0], where)
        score = math.nan if len(cells) == 6 else number_in(cells[6], where, "confidence")
        if score == 0:
            return NOT_COUNTED
        if person_class is not None:
            if whole_number_in(cells[_CLASS_PLACE], where, "class", -1) != person_class:
                return OTHER_CLASS
        elif len(cells) == 9 and (kind := whole_number_in(cells[_CLASS_PLACE], where, "class", -1)) != -1:
            if kind == 0:
                raise AdvisedError(
                    f"{where}: class 0 is none of the MOT-Challenge, so its classes are others",
                    "--person-class says which of them is people",
                )
            if kind != _PEDESTRIAN:
                return OTHER_CLASS
        return BoxRow(frame, track, box, score)

    return parse


def has_classes(cells: Sequence[str]) -> bool:
    """Whether the last three of 10 numbers may be a class with what follows it, as those of VisDrone (class,
    truncation, occlusion), and not the position that MOT-15 has there, or -1.

    >>> has_classes("1,7,497,158,31,75,1,4,0,1".split(",")), has_classes("1,7,497,158,31,75,1,-1,-1,-1".split(","))
    (True, False)
    """
    if not all(map(is_number, cells[_CLASS_PLACE:])):
        return False
    kind, *others = map(float, cells[_CLASS_PLACE:])
    return kind >= 0 and kind % 1 == 0 and all(number in (-1, 0, 1, 2) for number in others)


def named_columns(path: Path, columns: list[str], person_class: int | None) -> tuple[ParseRow, str, int]:
    """What reads the lines below the names `columns`, the form in words, and the number of the first frame.

    `UserError` for names that do not tell frame and box, or the same name twice.
    """

    def place(names: Sequence[str]) -> int | None:
        return next((columns.index(name) for name in names if name in columns), None)

    twice = next((name for name in columns if name and columns.count(name) > 1), None)
    if twice is not None:
        raise UserError(f"{path}: the first line names the column {twice} twice")
    for meant, (known, others) in _OTHER_NAMES.items():
        other = next((name for name in columns if re.sub(r"[\W_]", "", name) in others), None)
        if other is not None and place(known) is None:
            raise UserError(f"{path}: the column {other} is not read; call it {meant}, or leave it out")
    classes = _CLASS if person_class is None else _CLASS[::-1]  # names first, or numbers
    frame, track, score, kind = map(place, (_FRAME, _TRACK, _SCORE, classes))
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

    def parse(cells: Sequence[str], where: str) -> BoxRow | str:
        if source is not None:
            sources.add(cells[source])
            if len(sources) > 1:
                raise UserError(f"{where}: must hold boxes of one source, it has {' and '.join(sorted(sources))}")
        if kind is not None and not _is_person(cells[kind].strip(), person_class, where):
            return OTHER_CLASS
        values = box_in([cells[number] for number in box], names, where)
        if names in _CORNERS:
            values = [values[0], values[1], values[2] - values[0], values[3] - values[1]]
        confidence = math.nan
        if score is not None and cells[score].strip():
            confidence = number_in(cells[score], where, "score")
        if confidence == 0:
            return NOT_COUNTED
        number = NO_TRACK
        if track is not None and cells[track].strip():
            number = whole_number_in(cells[track], where, "track number", NO_TRACK)
        return BoxRow(whole_number_in(cells[frame], where, "frame", 0), number, values, confidence)

    return parse, f"CSV with the columns {', '.join(names)}", int(names == _SIZES[1])


def _is_person(text: str, person_class: int | None, where: str) -> bool:
    if not is_number(text):
        if text and person_class is not None:
            raise UserError(f"{where}: --person-class {person_class} is a number, and its classes are names ({text})")
        return text.lower() in _PEOPLE
    if person_class is None:
        raise AdvisedError(f"{where}: its classes are numbers ({text})", "--person-class says which of them is people")
    return float(text) == person_class
