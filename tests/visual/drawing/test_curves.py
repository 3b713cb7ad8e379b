"""Curves are drawn from what was logged, whatever is missing."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dgnet.core.errors import UserError
from tests.messages import mentions
from visual.drawing.curves import _running_mean, curves


def rows(count: int, **terms: float) -> list[dict[str, float]]:
    return [
        {"iteration": place, **{name: value / (place + 1) for name, value in terms.items()}} for place in range(count)
    ]


def ink(picture: np.ndarray) -> np.ndarray:
    """Where the dark blue line is."""
    return (np.abs(picture.astype(int) - (47, 93, 138)).sum(axis=2) < 30).nonzero()[0]


@pytest.mark.slow
def test_one_panel_for_each_term() -> None:
    one, four, five = (curves(rows(30, **dict.fromkeys(names, 1.0))) for names in ("a", "abcd", "abcde"))
    assert one.dtype == np.uint8
    assert four.shape[1] == pytest.approx(4 * one.shape[1], abs=4)
    assert five.shape[0] > 1.8 * four.shape[0]
    assert five.shape[1] == four.shape[1]
    assert curves(rows(30, a=1.0, b=1.0), terms=["b"]).shape == one.shape


def test_the_line_follows_the_values() -> None:
    rising = [{"iteration": place, "loss": float(place)} for place in range(10)]
    falling = [{"iteration": place, "loss": float(-place)} for place in range(10)]
    assert not np.array_equal(curves(rising), curves(falling))
    assert len(ink(curves(rising))) > 100


@pytest.mark.parametrize("name", ["a$x_{$", "$a^b$", "5$ and 6$", "100%s", "$"])
def test_names_of_any_letters(name: str) -> None:
    """What stands between two dollar signs is a formula to matplotlib."""
    assert len(ink(curves([{"iteration": place, name: 1.0} for place in range(9)], title=name))) > 0


@pytest.mark.parametrize("count", [1, 2, 19, 20, 400])
def test_any_length(count: int) -> None:
    assert len(ink(curves(rows(count, loss=3.0)))) > 0


def test_every_panel_spans_the_run() -> None:
    def across(picture: np.ndarray) -> np.ndarray:
        """Where the dark blue is, 0 at the left edge and 1 at the right one."""
        return (np.abs(picture.astype(int) - (47, 93, 138)).sum(axis=2) < 30).nonzero()[1] / picture.shape[1]

    once = across(curves([{"iteration": 8, "mAP": 0.05}]))  # one epoch: not in the middle of an axis of fractions
    assert once.min() > 0.9
    early = across(curves([{"iteration": 2, "mAP": 0.05}, {"iteration": 40, "loss": 1.0}], terms=["mAP"]))
    assert early.max() < 0.3


def test_missing_and_broken_values() -> None:
    logged = rows(25, loss=1.0)
    logged[3]["accuracy"] = 0.5
    logged[4]["loss"] = float("nan")
    assert curves(logged).shape[1] > curves(rows(25, loss=1.0)).shape[1]
    nothing = curves([{"iteration": 0, "loss": float("nan")}])
    assert len(ink(nothing)) == 0


@pytest.mark.parametrize("constant", [0.0, 1e-4, -2.0])
def test_a_constant_is_a_flat_line(constant: float) -> None:
    heights = ink(curves([{"iteration": place, "lr": constant} for place in range(50)]))
    assert np.ptp(heights) < 8


def test_running_mean_is_the_mean_around() -> None:
    values = np.random.default_rng(0).standard_normal(17)
    expected = [values[max(place - 2, 0) : place + 3].mean() for place in range(17)]
    assert _running_mean(values, 5) == pytest.approx(expected)


@pytest.mark.slow
def test_no_global_state_of_pyplot() -> None:
    program = (
        "import sys; from visual.drawing.curves import curves; curves([{'iteration': 0, 'a': 1.0}]);"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[3])


@pytest.mark.parametrize(
    ("logged", "options", "sentence"),
    [
        ([], {}, "curves need at least one row"),
        ([{"loss": 1.0}], {}, "'iteration' in each"),
        ([{"iteration": 1.0}], {}, "terms must be among none that were logged"),
        (rows(3, loss=1.0), {"terms": ["loss", "mAP"]}, mentions("terms", "mAP")),
    ],
)
def test_bad_input(logged: list, options: dict, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        curves(logged, **options)
