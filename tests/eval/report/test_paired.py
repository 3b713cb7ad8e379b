"""Paired differences against Student's distribution integrated by hand, and what is said of them."""

import math

import pytest

from dgnet.core.errors import UserError
from eval.report.paired import NO_DIFFERENCE, paired_difference, spread

FIRST = [0.712, 0.695, 0.731, 0.708, 0.722]
SECOND = [0.701, 0.689, 0.715, 0.711, 0.706]


def slow_quantile(share: float, freedom: int) -> float:
    """The number that a Student variable stays below with the probability `share` > 0.5: the density, added up."""
    scale = math.gamma((freedom + 1) / 2) / (math.sqrt(freedom * math.pi) * math.gamma(freedom / 2))
    below, x, step = 0.5, 0.0, 1e-4
    while below < share:
        below += step * scale * (1 + (x + step / 2) ** 2 / freedom) ** (-(freedom + 1) / 2)
        x += step
    return x


def slow_interval(first: list[float], second: list[float], confidence: float, less: int = 1) -> tuple[float, float]:
    """Mean of the differences -+ quantile * deviation / sqrt(n), written out; `less` is taken from n."""
    differences = [a - b for a, b in zip(first, second, strict=True)]
    n = len(differences)
    mean = sum(differences) / n
    variance = sum((difference - mean) ** 2 for difference in differences) / (n - less)
    half = slow_quantile((1 + confidence) / 2, n - 1) * math.sqrt(variance / n)
    return mean - half, mean + half


@pytest.mark.parametrize("confidence", [0.8, 0.95])
@pytest.mark.parametrize("count", [2, 3, 5])
def test_the_interval_is_students(count: int, confidence: float) -> None:
    first, second = FIRST[:count], SECOND[:count]
    found = paired_difference(first, second, confidence)
    low, high = slow_interval(first, second, confidence)
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-3, abs=1e-6)
    assert found.mean == pytest.approx(sum(first) / count - sum(second) / count)
    assert (found.seeds, found.confidence) == (count, confidence)


def test_the_oracle_tells_wrong_ones_apart() -> None:
    found = paired_difference(FIRST, SECOND)
    # Variance with n in place of n - 1; other pairs; another confidence.
    for wrong in (
        slow_interval(FIRST, SECOND, 0.95, less=0),
        slow_interval(FIRST, SECOND[::-1], 0.95),
        slow_interval(FIRST, SECOND, 0.9),
    ):
        assert (found.low, found.high) != pytest.approx(wrong, rel=1e-2)


def test_a_known_table() -> None:
    # t(0.975, 4) = 2.776: any table of Student's distribution.
    found = paired_difference([1.0, 2.0, 3.0, 4.0, 5.0], [0.0] * 5)
    assert found.high - found.mean == pytest.approx(2.776 * math.sqrt(2.5 / 5), rel=1e-3)


def test_verdicts() -> None:
    assert paired_difference(FIRST, SECOND).verdict == NO_DIFFERENCE == "no difference found"
    above = paired_difference([value + 0.02 for value in FIRST], SECOND)
    assert above.verdict == "higher" and above.low > 0
    below = paired_difference([value - 0.05 for value in FIRST], SECOND)
    assert below.verdict == "lower" and below.high < 0
    # An interval that ends at 0 contains it.
    assert paired_difference(FIRST, FIRST).verdict == NO_DIFFERENCE


def test_the_same_difference_for_every_seed_leaves_no_doubt() -> None:
    found = paired_difference([0.75, 0.5], [0.5, 0.25])
    assert (found.low, found.high, found.verdict) == (0.25, 0.25, "higher")


def test_spread_divides_by_one_less() -> None:
    found = spread([1.0, 3.0])
    assert (found.mean, found.deviation, found.seeds) == (2.0, pytest.approx(math.sqrt(2)), 2)


@pytest.mark.parametrize(
    ("first", "second", "confidence", "words"),
    [
        ([1.0], [1.0], 0.95, "at least 2 seeds"),
        ([1.0, 2.0], [1.0, 2.0, 3.0], 0.95, "got 2 and 3"),
        ([1.0, math.nan], [1.0, 2.0], 0.95, "must be finite"),
        ([1.0, 2.0], [1.0, 2.0], 1.0, "between 0 and 1, got 1.0"),
    ],
)
def test_bad_figures(first: list[float], second: list[float], confidence: float, words: str) -> None:
    with pytest.raises(UserError, match=words):
        paired_difference(first, second, confidence)
