"""A time line: small pictures over the times at which they were taken, as a drawing that fits any width and prints."""

from collections.abc import Sequence
from dataclasses import dataclass

from eval.report.page import Html, Tile, block, tile

# Units of the drawing: it is as many pixels wide on a wide screen.
_WIDTH, _SIDE = 1000.0, 14.0
_PICTURE_WIDTH, _PICTURE_HEIGHT, _LABEL, _BAR, _GAP, _AXIS = 48.0, 96.0, 20.0, 8.0, 16.0, 26.0
_ROW = _PICTURE_HEIGHT + _LABEL + _BAR + _GAP
_CELL = 82.0  # what a picture with its label takes
_SECONDS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_MOST_TICKS = 10


@dataclass(frozen=True)
class TimeLineEntry:
    """A picture, and when: `begin` to `end`; `label` stands below it, and `marked` ones stand out."""

    begin: float | int
    end: float | int
    picture: Tile
    label: str
    marked: bool


def time_line(title: str, entries: Sequence[TimeLineEntry], end: float | int, *, timed: bool = True) -> Html:
    """The entries above an axis from 0 to `end`: seconds where `timed`, else frames. What would overlap stands in rows
    above each other, the earliest at the bottom.

    Args:
        entries: in the order of their beginnings.
    """
    end = max(end, *(entry.end for entry in entries)) or 1.0
    rows = _rows([_extent(entry, end) for entry in entries])
    height = (max(rows) + 1) * _ROW + _AXIS
    drawn = []
    for entry, row in zip(entries, rows, strict=True):
        bottom = height - _AXIS - row * _ROW - _GAP / 2
        left, picture = _left(entry, end), _size(entry.picture)
        start, stop = _across(entry.begin, end), _across(entry.end, end)
        drawn.append(
            {
                "tile": tile(entry.picture),
                "style": _place(left, bottom - _BAR - _LABEL - picture[1], picture[0], height),
                "x": f"{left:.1f}",
                "y": f"{bottom - _BAR - 6:.1f}",
                "label": entry.label,
                "marked": entry.marked,
                "bar": [f"{value:.1f}" for value in (start, bottom - _BAR, max(stop - start, 4.0), _BAR)],
            }
        )
    marks = [(f"{_across(at, end):.1f}", words) for at, words in _ticks(end, timed)]
    words = f"Time line of {title}, from 0 to {clock(end) if timed else f'frame {end:g}'}: {len(entries)} tracks"
    return block("time_line", words, {"width": f"{_WIDTH:g}", "height": f"{height:g}"}, marks, drawn)


def clock(seconds: float | int) -> str:
    """Seconds as hours, minutes and seconds.

    >>> clock(12.43), clock(3671.2), clock(59.96)
    ('0:12.4', '1:01:11.2', '1:00.0')
    """
    tenths = round(seconds * 10)
    hours, minutes, rest = tenths // 36000, tenths // 600 % 60, tenths % 600 / 10
    return f"{hours}:{minutes:02d}:{rest:04.1f}" if hours else f"{minutes}:{rest:04.1f}"


def _across(at: float | int, end: float | int) -> float:
    return _SIDE + at / end * (_WIDTH - 2 * _SIDE)


def _left(entry: TimeLineEntry, end: float | int) -> float:
    """Where a picture begins: where its time does, but not beyond the border."""
    return min(_across(entry.begin, end), _WIDTH - _CELL)


def _extent(entry: TimeLineEntry, end: float | int) -> tuple[float, float]:
    left = _left(entry, end)
    return left, max(left + _CELL, _across(entry.end, end) + 8)


def _rows(extents: Sequence[tuple[float, float]]) -> list[int]:
    """The lowest row for each in which it touches none before it.

    >>> _rows([(0.0, 50.0), (10.0, 20.0), (30.0, 60.0), (55.0, 70.0)])
    [0, 1, 1, 0]
    """
    ends: list[float] = []
    rows = []
    for left, right in extents:
        row = next((number for number, end in enumerate(ends) if end <= left), len(ends))
        ends[row : row + 1] = [right]
        rows.append(row)
    return rows


def _size(picture: Tile) -> tuple[float, float]:
    """Width and height in units, in the picture's own proportions."""
    assert picture.image is not None
    height, width = picture.image.shape[1:]
    factor = min(_PICTURE_WIDTH / width, _PICTURE_HEIGHT / height)
    return width * factor, height * factor


def _place(left: float, top: float, width: float, height: float) -> str:
    return f"left:{100 * left / _WIDTH:.2f}%;top:{100 * top / height:.2f}%;width:{100 * width / _WIDTH:.2f}%"


def _ticks(end: float | int, timed: bool) -> list[tuple[float | int, str]]:
    steps = _SECONDS if timed else tuple(factor * 10**power for power in range(12) for factor in (1, 2, 5))
    step = next((step for step in steps if end / step <= _MOST_TICKS), steps[-1])
    at = [number * step for number in range(int(end / step + 1e-9) + 1)]
    if not timed:
        return [(value, f"{value:g}") for value in at]
    return [(value, clock(value) if step < 1 else clock(value)[:-2]) for value in at]
