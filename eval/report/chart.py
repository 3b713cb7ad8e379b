"""Line charts as SVG, in the page's colors for light and dark screens, with a description for screen readers.

A template draws them: charts of matplotlib have fixed colors, and ids that clash on one page.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from dgnet.core.errors import UserError
from eval.report.page import Html, block

Points = Sequence[tuple[float | int, float | int]]
Scale = Callable[[float | int], float]

_WIDTH, _HEIGHT = 320, 210  # units of the drawing, as wide as a small chart is in pixels
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 20, 8, 38
SERIES = 4
_BINS = 100
# A linear axis hides values that differ by more than this factor.
_LOG_FROM = 50.0


def line_chart(
    title: str,
    lines: Mapping[str, Points],
    x_label: str,
    *,
    log: bool | None = None,
    log_x: bool = False,
    steps: bool = False,
    span: tuple[float | int, float | int] | None = None,
) -> Html:
    """A chart of one to four lines of `(x, y)` points, in the order of x.

    More than 100 points are drawn as the mean of each hundredth, with a pale band from its least to its largest value.
    `log` asks for a logarithmic axis; by default it is one where all values are positive and span a factor of 50.
    `log_x` makes the axis of x, all positive, logarithmic.
    With `steps` a value holds until the next x, as a count does. A line of one point is a dot. `span` are two x that
    the axis holds in any case, so that charts beside each other have one axis.
    `UserError` for no line, more than four, or a line without finite points.
    """
    if not 1 <= len(lines) <= SERIES:
        raise UserError(f"a chart must have one to {SERIES} lines, got {len(lines)}")
    series = {name: _binned(name, points) for name, points in lines.items()}
    xs = [*(x for rows in series.values() for x, *_ in rows), *(span or ())]
    low = min(row[2] for rows in series.values() for row in rows)
    high = max(row[3] for rows in series.values() for row in rows)
    logarithmic = (low > 0 and high > _LOG_FROM * low) if log is None else log
    y_ticks = decades(low, high) if logarithmic else ticks(low, high, 4)
    left, right = min(xs), max(xs)
    x_ticks = decades(left, right) if log_x else ticks(left, right, 5)
    bottom, top = min(low, y_ticks[0]), max(high, y_ticks[-1])

    def across(x: float | int) -> float:
        begin, value, end = (math.log10(v) if log_x else v for v in (left, x, right))
        return _LEFT + (value - begin) / ((end - begin) or 1) * (_WIDTH - _LEFT - _RIGHT)

    def up(y: float | int) -> float:
        begin, value, end = (math.log10(v) if logarithmic else v for v in (bottom, y, top))
        return _HEIGHT - _BOTTOM - (value - begin) / ((end - begin) or 1) * (_HEIGHT - _TOP - _BOTTOM)

    lines_drawn = []
    for name, rows in series.items():
        band, dot = "", None
        if any(row[2] < row[3] for row in rows):
            edge = [(x, largest) for x, _, _, largest in rows] + [(x, least) for x, _, least, _ in reversed(rows)]
            band = _path(edge, across, up)
        middle = [(x, mean) for x, mean, _, _ in rows]
        if len(middle) == 1:
            dot = f"{across(middle[0][0]):.1f}", f"{up(middle[0][1]):.1f}"
        if steps:
            corners = [corner for (_, before), (x, y) in pairwise(middle) for corner in ((x, before), (x, y))]
            middle = [middle[0], *corners]
        lines_drawn.append({"name": name, "band": band, "dot": dot, "points": _path(middle, across, up)})
    words = "; ".join(
        f"{name}: from {_short(rows[0][1])} at {_short(rows[0][0])} to {_short(rows[-1][1])} at {_short(rows[-1][0])}"
        for name, rows in series.items()
    )
    return block(
        "chart",
        title,
        f"{title} over {x_label}. {words}",
        x_label,
        {"width": _WIDTH, "height": _HEIGHT, "left": _LEFT, "right": _RIGHT},
        [(f"{up(y):.1f}", _short(y)) for y in y_ticks],
        [(f"{across(x):.1f}", _short(x)) for x in x_ticks if left <= x <= right],
        lines_drawn,
    )


def charts(drawings: Sequence[Html]) -> Html:
    """Charts side by side, as many as the screen is wide."""
    return block("charts", drawings)


def ticks(low: float | int, high: float | int, count: int) -> list[float]:
    """About `count` round numbers (1, 2 or 5 times a power of ten apart) from at most `low` to at least `high`."""
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** math.floor(math.log10(span / count))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power * count >= span * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [place * step for place in range(first, max(last, first + 1) + 1)]


def decades(low: float | int, high: float | int) -> list[float]:
    """Powers of ten from at most `low` to at least `high`, both positive; every other one where there are many."""
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    step = max(1, math.ceil((last - first) / 5))
    return [10.0**place for place in range(first, last + step, step)]


def _binned(name: str, points: Points) -> list[tuple[float, float, float, float]]:
    """`(x, mean, least, largest)` of each of at most 100 runs of neighboring points."""
    finite = np.array([point for point in points if all(math.isfinite(value) for value in point)], dtype=np.float64)
    if not len(finite):
        raise UserError(f"the line {name!r} must have at least one finite point, it has none")
    runs = np.array_split(finite, min(len(finite), _BINS))
    return [(float(r[:, 0].mean()), float(r[:, 1].mean()), float(r[:, 1].min()), float(r[:, 1].max())) for r in runs]


def _path(points: Points, across: Scale, up: Scale) -> str:
    return " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in points)


def _short(value: float | int) -> str:
    if value == 0:
        return "0"
    if abs(value) >= 1e5 or abs(value) < 1e-3:
        mantissa, exponent = f"{value:.1e}".split("e")
        return f"{mantissa.removesuffix('.0')}e{int(exponent)}"
    return f"{value:.4g}"
