"""The bootstrap over identities against one draw at a time."""

import numpy as np
import pytest

from eval.report.paired_queries import query_difference
from tests.messages import mentions


def values(queries: int = 60, people: int = 12) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    first, second = random.random(queries), random.random(queries)
    return first, second, random.integers(1, people + 1, queries)


def test_it_is_the_obvious_loop() -> None:
    first, second, people = values()
    first[5] = second[5] = np.nan
    found = query_difference(first, second, people, draws=250, confidence=0.8, seed=3)
    kept = ~np.isnan(first)
    names = sorted(set(people[kept].tolist()))
    random = np.random.Generator(np.random.Philox(key=3))
    means = []
    for size in (100, 100, 50):
        for draw in random.integers(len(names), size=(size, len(names))):
            differences = []
            for index in draw:
                differences += [a - b for a, b, p in zip(first, second, people, strict=True) if p == names[index]]
            means.append(np.nanmean(differences))
    assert (found.low, found.high) == pytest.approx(np.quantile(means, [0.1, 0.9]))
    assert found.mean == pytest.approx(np.nanmean(first - second))
    assert (found.identities, found.draws, found.seed) == (12, 250, 3)


def test_queries_of_one_person_are_not_independent() -> None:
    """The same differences, each ten times: as many people or ten times as many."""
    first, second, _ = values(40)
    often = [np.repeat(part, 10) for part in (first, second)]
    by_person = query_difference(*often, np.repeat(np.arange(40), 10))
    by_query = query_difference(*often, np.arange(400))
    assert by_person.high - by_person.low > 2.5 * (by_query.high - by_query.low)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    hits = 0
    for seed in range(200):
        first = random.normal(0.3, 1, 80)
        found = query_difference(first, np.zeros(80), np.arange(80), draws=400, seed=seed)
        hits += found.low <= 0.3 <= found.high
    assert 180 <= hits <= 198


def test_equal_rankings_differ_by_nothing() -> None:
    first, _, people = values()
    found = query_difference(first, first, people)
    assert (found.mean, found.low, found.high) == (0, 0, 0)
    assert str(found) == "95 % interval 0.00 to 0.00 (bootstrap of 12 identities, 10,000 draws from seed 0)"


def test_bad_input_is_one_sentence() -> None:
    first, second, people = values()
    with pytest.raises(ValueError, match=mentions(60, 59)):
        query_difference(first, second[1:], people)
    with pytest.raises(ValueError, match="match"):
        query_difference(np.where(people == 3, np.nan, first), second, people)
    with pytest.raises(ValueError, match=mentions("identities", 2, 1)):
        query_difference(first, second, np.ones(60, int))
    with pytest.raises(ValueError, match=mentions("confidence", 1.5)):
        query_difference(first, second, people, confidence=1.5)
