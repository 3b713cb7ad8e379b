"""Effects of several ways of training against one baseline: every seed a dot, the mean with its interval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dgnet.core.errors import UserError
from visual.drawing.figure import figure_picture, plain
from visual.drawing.grid import Picture

_DOTS = 100  # per inch
_SIGNIFICANT, _INCONCLUSIVE, _SEED = "#2f5d8a", "#8a8f98", "#b9cde0"


@dataclass(frozen=True)
class Effect:
    """A way of training: its difference to the baseline for each seed, their mean and the ends of its interval."""

    name: str
    seeds: Sequence[float]
    mean: float
    low: float
    high: float


def effect_plot(panels: Mapping[str, Sequence[Effect]], unit: str) -> Picture:
    """A picture with a panel for each data set on which they were tested, uint8 `[height, width, 3]`.

    Pale dots: seeds. Dark: the mean and its interval, blue where the interval leaves 0 out, gray where it does not.
    `unit` stands below the axis. `UserError` for nothing to draw, or panels of other ways.
    """
    names = [[effect.name for effect in effects] for effects in panels.values()]
    if not names or not names[0] or any(others != names[0] for others in names):
        raise UserError(f"effects need at least one way of training, the same in every panel, got {names}")
    rows = len(names[0])
    figure = Figure(
        figsize=(1.6 + 2.8 * len(panels), 1.15 + 0.42 * rows + (0.25 if len(panels) == 1 else 0)),
        dpi=_DOTS,
        layout="constrained",
    )
    first: Axes | None = None
    for index, (title, effects) in enumerate(panels.items()):
        axes = figure.add_subplot(1, len(panels), index + 1, sharey=first)
        first = first or axes
        _panel(axes, title, effects)
        if index:
            axes.tick_params(labelleft=False)
    figure.supxlabel(unit, fontsize=8)
    handles = _legend([effect for effects in panels.values() for effect in effects])
    figure.legend(
        handles=handles, loc="outside upper center", ncols=1 if len(panels) == 1 else 3, fontsize=7, frameon=False
    )
    return figure_picture(figure)


def _legend(effects: Sequence[Effect]) -> list[Line2D]:
    """What the dots and lines are, of those that are drawn."""
    colors = {_color(effect) for effect in effects}
    means = {_SIGNIFICANT: "mean and interval: a difference", _INCONCLUSIVE: "mean and interval: no difference found"}
    seed = Line2D([], [], color=_SEED, marker="o", linestyle="none", markersize=3.5, label="one seed")
    return [seed] + [
        Line2D([], [], color=color, marker="o", markersize=5, linewidth=2, label=label)
        for color, label in means.items()
        if color in colors
    ]


def _color(effect: Effect) -> str:
    return _INCONCLUSIVE if effect.low <= 0 <= effect.high else _SIGNIFICANT


def _panel(axes: Axes, title: str, effects: Sequence[Effect]) -> None:
    axes.set_title(plain(title), fontsize=9)
    axes.axvline(0, color="#444444", linewidth=0.8)
    axes.grid(True, axis="x", linewidth=0.4, color="#e2e4e8")
    axes.tick_params(labelsize=8)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    for row, effect in enumerate(effects):
        color = _color(effect)
        axes.plot(effect.seeds, [row + 0.22] * len(effect.seeds), "o", color=_SEED, markersize=3.5)
        axes.plot([effect.low, effect.high], [row, row], color=color, linewidth=2)
        axes.plot([effect.mean], [row], "o", color=color, markersize=6)
    axes.set_yticks(range(len(effects)), [plain(effect.name) for effect in effects])
    axes.set_ylim(len(effects) - 0.5, -0.5)
