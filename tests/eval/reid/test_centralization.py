"""Neighbor feature centralization against one image at a time."""

import numpy as np
import pytest

from eval.reid.centralization import NeighborCentralization, centralized_features
from eval.reid.distance import unit_features
from eval.reid.labeled_features import LabeledFeatures
from eval.reid.ranking import rank_metrics
from tests.messages import mentions

FEATURES = np.random.default_rng(0).standard_normal((60, 5))


def unit(features: np.ndarray) -> np.ndarray:
    return features / np.linalg.norm(features, axis=1, keepdims=True)


def obvious(features: np.ndarray, k1: int, k2: int) -> np.ndarray:
    """The definition, image by image: who is mutual, the sum, its direction."""

    def nearest_others(image: int, count: int) -> list[int]:
        others = [other for other in range(len(features)) if other != image]
        return sorted(others, key=lambda other: float(((features[image] - features[other]) ** 2).sum()))[:count]

    rows = []
    for image in range(len(features)):
        total = features[image].copy()
        for other in nearest_others(image, k1):
            if image in nearest_others(other, k2):
                total += features[other]
        rows.append(total / np.linalg.norm(total))
    return np.array(rows)


@pytest.mark.parametrize(("k1", "k2"), [(2, 2), (1, 4), (4, 1)])
def test_it_is_the_obvious_loop(k1: int, k2: int, monkeypatch: pytest.MonkeyPatch) -> None:
    features = unit_features("f", FEATURES)
    expected = obvious(unit(FEATURES), k1, k2)
    result = centralized_features(features, NeighborCentralization(k1, k2))
    assert result.numpy() == pytest.approx(expected, abs=1e-6)
    assert np.abs(expected - obvious(unit(FEATURES), 1, 1)).max() > 1e-3, "other parameters are told apart"
    monkeypatch.setattr("eval.reid.distance._BLOCK_ELEMENTS", 35)
    assert (centralized_features(features, NeighborCentralization(k1, k2)) == result).all()


def test_only_mutual_neighbors_join() -> None:
    """The third image is nearest to the second, whose nearest is the first."""
    angles = np.radians([0, 10, 30, 180])
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    result = centralized_features(unit_features("f", points), NeighborCentralization(1, 1)).numpy()
    assert np.degrees(np.arctan2(result[:, 1], result[:, 0])) == pytest.approx([5, 5, 30, 180], abs=1e-4)


def test_ranking_joins_queries_with_queries_and_gallery_without_junk() -> None:
    random = np.random.default_rng(1)
    people = np.arange(60) % 6
    features = FEATURES + 2 * random.standard_normal((6, 5))[people]
    sides = (
        LabeledFeatures(features[:24], people[:24] + 1, np.zeros(24, int)),
        LabeledFeatures(features[24:], np.where(np.arange(36) % 9 == 0, -1, people[24:] + 1), np.ones(36, int)),
    )
    parameters = NeighborCentralization(3, 2)
    result = rank_metrics(*sides, centralization=parameters)
    kept = sides[1].identities != -1
    by_hand = [obvious(unit(side), 3, 2) for side in (features[:24], features[24:][kept])]
    expected = rank_metrics(
        LabeledFeatures(by_hand[0], sides[0].identities, sides[0].cameras),
        LabeledFeatures(by_hand[1], sides[1].identities[kept], sides[1].cameras[kept]),
    )
    assert result.mAP == pytest.approx(expected.mAP, abs=1e-9) and result.cmc == expected.cmc
    assert result.mAP != pytest.approx(rank_metrics(*sides).mAP, abs=1e-3)
    assert (result.centralization, expected.centralization) == ("neighbor centralization k1=3 k2=2", "none")


def test_bad_input_is_one_sentence() -> None:
    with pytest.raises(ValueError, match=mentions("k1", 0)):
        NeighborCentralization(0)
    with pytest.raises(ValueError, match=mentions("k2=60", 60)):
        centralized_features(unit_features("f", FEATURES), NeighborCentralization(2, 60))
