"""Files of boxes: what they hold is read, whatever wrote them, or one sentence names the file and its line."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dgnet.video.box_files import BoxTable, mot_line, read_boxes
from tests.fuzz.cases import Refusal, attempt, folder, reading

pytestmark = pytest.mark.slow

FINITE = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 3))
SIDES = st.floats(0.001, 1e5).map(lambda value: max(0.001, round(value, 3)))
SCORES = st.floats(0.001, 1).map(lambda value: max(0.001, round(value, 3)))
# Frame (counted from 0), track, left, top, width, height, score; a track stands once in a frame.
NAMES = ("frame", "track_id", "left", "top", "width", "height", "confidence")
BOX = st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), FINITE, FINITE, SIDES, SIDES, SCORES)
# Boxes that all end near the corner of the picture, or left of or above it, are refused as shares of the picture.
BOXES = st.lists(BOX, min_size=1, max_size=6, unique_by=lambda box: box[:2]).filter(
    lambda boxes: any(max(box[2] + box[4], box[3] + box[5]) > 3 for box in boxes)
)
# How programs write a number, and end a line.
NUMBERS = st.sampled_from(["{!r}", "{:.6f}", " {!r} ", "{:.12e}"])
BREAKS = st.sampled_from(["\n", "\r\n", "\n\n"])
# What is no finite number.
WRONG = st.sampled_from(["nan", "inf", "-inf", "x", "1_0", "1e999", "0x1", "1;2", "--1", "None", "½"])


class File(NamedTuple):
    """The lines of a file as cells, the names of its columns (of a file with such a line), and its boxes."""

    lines: list[list[str]]
    columns: list[str]
    named: bool
    separator: str
    boxes: list[tuple[float, ...]]

    def text(self, end: str = "\n") -> str:
        return "".join(self.separator.join(cells) + end for cells in self.lines)


@st.composite
def mot_files(draw: st.DrawFn) -> File:
    """A file of the MOT-Challenge: frames count from 1."""
    boxes, shown = draw(BOXES), draw(NUMBERS)
    separator = draw(st.sampled_from([",", ", ", " ", "\t"]))
    rest = draw(st.sampled_from([[], [1, 0.5], [-1, -1, -1]]))
    rows = [[frame + 1, *others, *rest] for frame, *others in draw(st.permutations(boxes))]
    lines = [[shown.format(float(value)).strip() for value in row] for row in rows]
    return File(lines, list(NAMES), False, separator, boxes)


@st.composite
def csv_files(draw: st.DrawFn) -> File:
    """A CSV file that names its columns, in any order: frames count from 0."""
    boxes, shown = draw(BOXES), draw(NUMBERS)
    order = draw(st.permutations(range(len(NAMES))))
    columns = [NAMES[place] for place in order]
    rows = [[shown.format(float(box[place])) for place in order] for box in draw(st.permutations(boxes))]
    head = [draw(st.sampled_from([name, name.upper(), f" {name}"])) for name in columns]
    return File([head, *rows], columns, True, ",", boxes)


FILES = st.one_of(mot_files(), csv_files())


def read(content: bytes) -> BoxTable:
    with folder() as root:
        (root / "boxes.txt").write_bytes(content)
        return read_boxes(root / "boxes.txt")


def summary(table: BoxTable) -> list[tuple[float, ...]]:
    """(frame, track, left, top, width, height, score) of each box, sorted."""
    columns = table.frames, table.boxes.tracks, *table.boxes.places.T, table.boxes.scores
    return sorted(tuple(map(float, row)) for row in zip(*(column.tolist() for column in columns), strict=True))


def same(table: BoxTable, boxes: list[tuple[float, ...]]) -> bool:
    expected = sorted(tuple(map(float, box)) for box in boxes)
    return len(table.frames) == len(expected) and np.allclose(summary(table), expected, rtol=1e-9, atol=1e-6)


@given(FILES, BREAKS, st.sampled_from(["utf-8", "utf-8-sig"]))
def test_what_they_hold_is_read(file: File, end: str, encoding: str) -> None:
    table = reading(lambda: read(file.text(end).encode(encoding)))
    assert same(table, file.boxes) and table.first_frame == (0 if file.named else 1)


@given(FILES, st.sampled_from(NAMES), WRONG, st.data())
def test_a_cell_that_is_no_number_is_named_with_its_line(
    file: File, column: str, wrong: str, data: st.DataObject
) -> None:
    # Of a file with one line it is that line, which a word makes one of names: then columns are missing.
    number = data.draw(st.integers(min(1, len(file.lines) - 1), len(file.lines) - 1))
    file.lines[number][file.columns.index(column)] = wrong
    outcome = attempt(lambda: read(file.text().encode()))
    assert isinstance(outcome, Refusal) and "boxes.txt" in outcome
    assert number == 0 or f"line {number + 1}" in outcome


@given(FILES)
def test_a_track_twice_in_a_frame_is_named_with_both_lines(file: File) -> None:
    file.lines.append(file.lines[-1])
    outcome = attempt(lambda: read(file.text().encode()))
    assert isinstance(outcome, Refusal) and f"(lines {len(file.lines) - 1} and {len(file.lines)})" in outcome


@given(FILES, st.data())
def test_a_line_of_another_length_is_named(file: File, data: st.DataObject) -> None:
    file.lines.append([*file.lines[-1], "1", "1"] if data.draw(st.booleans()) else file.lines[-1][:-1])
    outcome = attempt(lambda: read(file.text().encode()))
    assert isinstance(outcome, Refusal) and f"line {len(file.lines)}" in outcome


@given(FILES, st.integers(0, 600), st.binary(min_size=1, max_size=6))
def test_damaged_bytes_are_read_or_refused(file: File, position: int, damage: bytes) -> None:
    """What is read holds no NaN, no box without area, no frame before the first."""
    content = file.text().encode()
    outcome = attempt(lambda: read(content[:position] + damage + content[position + 1 :]))
    if isinstance(outcome, Refusal):
        assert "boxes.txt" in outcome
        return
    assert np.isfinite(outcome.boxes.places).all() and (outcome.boxes.places[:, 2:] > 0).all()
    assert len(outcome.frames) and outcome.frames[0] >= 0 and (np.diff(outcome.frames) >= 0).all()


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    outcome = attempt(lambda: read(content))
    assert not isinstance(outcome, Refusal) or "boxes.txt" in outcome


@given(BOXES)
def test_what_is_written_is_read(boxes: list[tuple[float, ...]]) -> None:
    lines = [mot_line(int(box[0]), int(box[1]), np.array(box[2:6], np.float64), float(box[6])) for box in boxes]
    assert same(reading(lambda: read("".join(lines).encode())), boxes)
