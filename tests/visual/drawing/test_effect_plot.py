"""The plot of an A/B: blue where a difference was found, gray where none was."""

import numpy as np
import pytest

from dgnet.core.errors import UserError
from visual.drawing.effect_plot import Effect, _legend, effect_plot

BLUE = (0x2F, 0x5D, 0x8A)


def has_blue(picture: np.ndarray) -> bool:
    return bool((np.abs(picture.astype(int) - BLUE).max(-1) < 3).any())


def effect(name: str, low: float, high: float) -> Effect:
    return Effect(name, [low, high], (low + high) / 2, low, high)


def test_colors_say_what_was_found() -> None:
    nothing = {"here": [effect("a", -1.0, 2.0)], "elsewhere": [effect("a", 0.0, 2.0)]}
    assert not has_blue(effect_plot(nothing, "points"))
    assert has_blue(effect_plot(nothing | {"elsewhere": [effect("a", 0.5, 2.0)]}, "points"))


def test_a_legend_names_what_is_drawn() -> None:
    found, none = effect("a", 1.0, 2.0), effect("b", -1.0, 2.0)
    assert [line.get_label() for line in _legend([found, found])] == ["one seed", "mean and interval: a difference"]
    assert len(_legend([found, none])) == 3 and _legend([none])[1].get_color() == "#8a8f98"


def test_a_line_more_makes_it_higher_and_a_panel_more_wider() -> None:
    one = effect_plot({"here": [effect("a", -1.0, 2.0)]}, "points")
    two = effect_plot({"here": [effect("a", -1.0, 2.0), effect("b", 1.0, 2.0)]}, "points")
    wide = effect_plot({place: [effect("a", -1.0, 2.0)] for place in ("here", "elsewhere")}, "points")
    assert one.dtype == np.uint8 and two.shape[0] > one.shape[0] and wide.shape[1] > one.shape[1]


@pytest.mark.parametrize(
    "panels", [{}, {"here": []}, {"here": [effect("a", 0.0, 1.0)], "elsewhere": [effect("b", 0.0, 1.0)]}]
)
def test_nothing_to_draw(panels: dict) -> None:
    with pytest.raises(UserError, match="the same in every panel"):
        effect_plot(panels, "points")


def test_names_with_dollar_signs_are_no_formulas() -> None:
    assert effect_plot({"$a^$": [effect("5$_{$", 0.0, 1.0)]}, "points").ndim == 3
