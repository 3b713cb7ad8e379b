"""Intervals of thresholds: a bootstrap over identities, beside one that lists every pair."""

import numpy as np
import pytest

from eval.reid import threshold_intervals as module
from eval.reid.labeled_features import LabeledFeatures
from eval.reid.pair_scores import pair_scores
from eval.reid.threshold_intervals import threshold_intervals
from tests.eval.reid.test_verification import people

RATE = 0.05


def slow_thresholds(query: LabeledFeatures, gallery: LabeledFeatures, rounds: int, seed: int) -> np.ndarray:
    """The threshold of each round, from the list of all pairs with their weights."""
    unit = [
        side.features / np.linalg.norm(side.features.astype(float), axis=1, keepdims=True) for side in (query, gallery)
    ]
    cosines = unit[0].astype(float) @ unit[1].T
    known = gallery.identities != -1
    numbers = np.unique(np.concatenate([query.identities, gallery.identities[known]]))
    draws = np.random.default_rng(seed).multinomial(len(numbers), [1 / len(numbers)] * len(numbers), size=rounds)
    counted = (query.identities[:, None] != gallery.identities) & (query.cameras[:, None] != gallery.cameras) & known
    thresholds = []
    for draw in draws:
        weight = dict(zip(numbers.tolist(), draw.tolist(), strict=True)) | {0: 1, -1: 0}
        own, other = (np.array([weight[one] for one in side.identities.tolist()]) for side in (query, gallery))
        weights = (own[:, None] * other)[counted]
        order = np.argsort(-cosines[counted])
        above = weights[order].cumsum() / weights.sum()
        thresholds.append(cosines[counted][order][np.searchsorted(above, RATE)])
    return np.array(thresholds)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_intervals_are_those_of_the_listed_pairs(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    query, gallery = people(seed, queries=80, gallery=300)
    scores = pair_scores(query, gallery)
    found = threshold_intervals(query, gallery, scores, [RATE], rounds=100, seed=5)[RATE]
    slow = np.quantile(slow_thresholds(query, gallery, 100, 5), (0.025, 0.975))
    assert found is not None
    assert found == pytest.approx(slow, abs=0.05 * (slow[1] - slow[0]))
    # The same in small parts.
    monkeypatch.setattr(module, "_PART", 10_000)
    assert threshold_intervals(query, gallery, scores, [RATE], rounds=100, seed=5)[RATE] == pytest.approx(found)


def test_three_people_hold_no_interval() -> None:
    """One round in nine draws the same person three times: without pairs of two people there is no threshold."""
    random = np.random.default_rng(0)
    for people_there, held in ((3, False), (30, True)):
        ids = np.repeat(np.arange(1, people_there + 1), 10)
        features = random.standard_normal((len(ids), 16))
        sides = [LabeledFeatures(features, ids, np.full(len(ids), camera)) for camera in (1, 2)]
        scores = pair_scores(*sides)
        interval = threshold_intervals(*sides, scores, [0.1], rounds=100)[0.1]
        assert (interval is not None) == held
    assert threshold_intervals(*sides, scores, []) == {}
