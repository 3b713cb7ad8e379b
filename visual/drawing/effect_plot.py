"""What several ways of training did, beside one baseline: every seed a dot, the mean with its interval beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dgnet.core.errors import UserError

_DOTS = 100  # per inch
_FOUND, _NOT_FOUND, _SEED = "#2f5d8a", "#8a8f98", "#b9cde0"


@dataclass(frozen=True)
class Effect:
    """A way of training: its difference to the baseline for each seed, their mean and the ends of its interval."""

    name: str
    seeds: Sequence[float]
    mean: float
    low: float
    high: float


def effects(panels: Mapping[str, Sequence[Effect]], unit: str) -> UInt8[np.ndarray, "height width 3"]:
    """A picture with a panel for each place where the ways were tested, uint8 `[height, width, 3]`.

    Pale dots: seeds. Dark: the mean and its interval, blue where the interval leaves 0 out, gray where it does not.
    `unit` stands below the axis. `UserError` for nothing to draw, or panels of other ways.
    """
    names = [[effect.name for effect in found] for found in panels.values()]
    if not names or not names[0] or any(found != names[0] for found in names):
        raise UserError(f"effects need at least one way of training, the same in every panel, got {names}")
    rows = len(names[0])
    figure = Figure(figsize=(1.6 + 2.8 * len(panels), 0.9 + 0.42 * rows), dpi=_DOTS, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    first: Axes | None = None
    for place, (title, found) in enumerate(panels.items()):
        axes = figure.add_subplot(1, len(panels), place + 1, sharey=first)
        first = first or axes
        _panel(axes, title, found)
        if place:
            axes.tick_params(labelleft=False)
    figure.supxlabel(unit, fontsize=8)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[:, :, :3].copy()


def _panel(axes: Axes, title: str, found: Sequence[Effect]) -> None:
    axes.set_title(title, fontsize=9)
    axes.axvline(0, color="#444444", linewidth=0.8)
    axes.grid(True, axis="x", linewidth=0.4, color="#e2e4e8")
    axes.tick_params(labelsize=8)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    for place, effect in enumerate(found):
        color = _NOT_FOUND if effect.low <= 0 <= effect.high else _FOUND
        axes.plot(effect.seeds, [place + 0.22] * len(effect.seeds), "o", color=_SEED, markersize=3.5)
        axes.plot([effect.low, effect.high], [place, place], color=color, linewidth=2)
        axes.plot([effect.mean], [place], "o", color=color, markersize=6)
    axes.set_yticks(range(len(found)), [effect.name for effect in found])
    axes.set_ylim(len(found) - 0.5, -0.5)
