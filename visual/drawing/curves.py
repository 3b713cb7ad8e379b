"""The course of a run: every scalar in a small panel of its own."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dgnet.core.errors import UserError
from visual.drawing.figure import figure_picture, plain
from visual.drawing.grid import Picture

_X = "iteration"
_COLUMNS = 4
_PANEL = (3.0, 2.0)  # inches
_DOTS = 110  # per inch
_INK, _PALE = "#2f5d8a", "#b9cde0"
# Terms that fall by more than this factor are unreadable on a linear axis.
_LOG_FROM = 50.0
# A smooth line over as many points would follow the noise.
_SMOOTH_FROM = 20


def curves(
    rows: Sequence[Mapping[str, float | int]],
    *,
    terms: Sequence[str] | None = None,
    title: str = "",
) -> Picture:
    """A picture with one panel per term, uint8 `[height, width, 3]`.

    `rows` are the logged scalars in order, each with its `iteration`; a term may be missing from some. `terms` are all
    of them by default. Pale: the values; dark: their running mean over a twentieth of the run. All panels span the run
    from iteration 0, however few values a term has. The axis of values is logarithmic where all are positive and span a
    factor of 50. `UserError` for no rows, unknown terms, or a row without `iteration`.
    """
    if not rows or any(_X not in row for row in rows):
        raise UserError(f"curves need at least one row, and {_X!r} in each, got {len(rows)} rows")
    known = list(dict.fromkeys(name for row in rows for name in row if name != _X))
    drawn_terms = known if terms is None else list(terms)
    unknown = [name for name in drawn_terms if name not in known]
    if unknown or not drawn_terms:
        raise UserError(
            f"terms must be among {', '.join(known) or 'none that were logged'}, got {', '.join(unknown) or 'none'}"
        )

    last = max(row[_X] for row in rows)
    columns = min(_COLUMNS, len(drawn_terms))
    lines = math.ceil(len(drawn_terms) / columns)
    figure = Figure(
        figsize=(_PANEL[0] * columns, _PANEL[1] * lines + (0.4 if title else 0.0)), dpi=_DOTS, layout="constrained"
    )
    if title:
        figure.suptitle(plain(title), fontsize=11)
    for index, name in enumerate(drawn_terms):
        axes = figure.add_subplot(lines, columns, index + 1)
        points = [(row[_X], row[name]) for row in rows if name in row and math.isfinite(row[name])]
        _panel(axes, name, np.array(points, dtype=float).reshape(-1, 2))
        axes.set_xlim(-0.03 * (last or 1), 1.03 * (last or 1))
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    figure.supxlabel(_X, fontsize=8)
    return figure_picture(figure)


def _panel(axes: Axes, name: str, points: np.ndarray) -> None:
    axes.set_title(plain(name), fontsize=9, loc="left")
    axes.tick_params(labelsize=7)
    axes.grid(True, linewidth=0.4, color="#e2e4e8")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    places, values = points.T
    if not len(values):
        axes.text(0.5, 0.5, "no finite value", ha="center", va="center", fontsize=8, transform=axes.transAxes)
        return
    if values.min() > 0 and values.max() > _LOG_FROM * values.min():
        axes.set_yscale("log")
    else:
        axes.ticklabel_format(axis="y", useOffset=False, scilimits=(-3, 4))
        axes.yaxis.get_offset_text().set_fontsize(7)
        axes.locator_params(axis="y", nbins=5)
        if values.max() - values.min() <= 1e-6 * abs(values).max():  # a constant would be drawn with an axis of noise
            axes.set_ylim(*sorted((0.0, 2 * values[0])) if values[0] else (-0.05, 1.0))
    if len(values) < _SMOOTH_FROM:
        axes.plot(places, values, color=_INK, linewidth=1.2, marker=".", markersize=4)
        return
    axes.plot(places, values, color=_PALE, linewidth=0.8)
    axes.plot(places, _running_mean(values, max(len(values) // 20, 3)), color=_INK, linewidth=1.4)


def _running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """The mean over `window` values around each, fewer at both ends."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    place = np.arange(len(values))
    first, last = np.maximum(place - window // 2, 0), np.minimum(place + window // 2 + 1, len(values))
    return (sums[last] - sums[first]) / (last - first)
