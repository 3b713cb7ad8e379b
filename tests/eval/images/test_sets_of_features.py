"""KID, precision, recall, density and coverage against obvious loops."""

import numpy as np
import pytest
import torch

from dgnet.core.errors import UserError
from eval.images import kid, precision_recall
from eval.images.kid import kernel_distance
from tests.messages import mentions


def features(seed: int, images: int, length: int = 5, shift: float = 0.0) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=(images, length)) + shift).astype(np.float32)


def obvious_distance(first: np.ndarray, second: np.ndarray, itself: bool = False) -> float:
    def mean(one: np.ndarray, two: np.ndarray, skip: bool) -> float:
        values = [
            (float(np.dot(a.astype(float), b.astype(float))) / len(a) + 1) ** 3
            for i, a in enumerate(one)
            for j, b in enumerate(two)
            if not (skip and i == j)
        ]
        return sum(values) / len(values)

    return mean(first, first, not itself) + mean(second, second, not itself) - 2 * mean(first, second, False)


def test_kernel_distance_is_the_obvious_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = features(0, 14), features(1, 9, shift=0.3)
    expected = obvious_distance(first, second)
    assert kernel_distance(first, second) == pytest.approx(expected, rel=1e-9)
    assert abs(obvious_distance(first, second, itself=True) - expected) > 1e-3, "the biased estimate is told apart"
    monkeypatch.setattr(kid, "_ROWS", 7)
    assert kernel_distance(first[::-1].copy(), second) == pytest.approx(expected, rel=1e-9)


def test_one_distribution_is_at_distance_0_whatever_the_size() -> None:
    for images in (100, 1500):
        same = kernel_distance(features(0, images), features(1, images))
        apart = kernel_distance(features(0, images), features(1, images, shift=1.0))
        assert abs(same) < 0.05 * apart


def obvious_share(points: np.ndarray, of: np.ndarray, neighbors: int) -> float:
    def distance(a: np.ndarray, b: np.ndarray) -> float:
        return float(((a.astype(float) - b.astype(float)) ** 2).sum())

    inside = 0
    for point in points:
        for i, center in enumerate(of):
            others = sorted(distance(center, other) for j, other in enumerate(of) if j != i)
            if distance(point, center) <= others[neighbors - 1]:
                inside += 1
                break
    return inside / len(points)


@pytest.mark.parametrize("neighbors", [1, 3])
def test_precision_and_recall_are_the_obvious_loops(neighbors: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real, made = features(0, 40), features(1, 30, shift=0.8)
    found = precision_recall.precision_recall(real, made, neighbors=neighbors)
    assert found.precision == pytest.approx(obvious_share(made, real, neighbors))
    assert found.recall == pytest.approx(obvious_share(real, made, neighbors))
    assert 0 < found.precision < 1 and 0 < found.recall < 1 and found.precision != found.recall
    assert obvious_share(made, real, neighbors + 1) != found.precision, "another neighbor is told apart"
    monkeypatch.setattr(precision_recall, "_BLOCK_ELEMENTS", 90)
    assert precision_recall.precision_recall(real[::-1].copy(), made, neighbors=neighbors) == found


def test_identical_sets_give_1_and_distant_ones_0() -> None:
    real = features(0, 30)
    doubled = np.concatenate([real, real, real, real, real])
    for same in (real, doubled):  # radii of 0 where every image is there more than three times
        found = precision_recall.precision_recall(same, same[::-1].copy())
        assert (found.precision, found.recall) == (1, 1)
    found = precision_recall.precision_recall(real, features(1, 30, shift=50))
    assert (found.precision, found.recall) == (0, 0)
    assert precision_recall.precision_recall(real * 0, real[:9] * 0).precision == 1


def test_few_points_cover_little() -> None:
    """All made alike: each looks real, little of the real is covered."""
    real = features(0, 200)
    made = real[:1] + 0.01 * features(1, 50)
    found = precision_recall.precision_recall(real, made)
    assert found.precision == 1 and found.recall < 0.05


def obvious_density_and_coverage(real: np.ndarray, made: np.ndarray, neighbors: int) -> tuple[float, float]:
    """Naeem et al., Section 3.2, one pair of images after another."""

    def distance(a: np.ndarray, b: np.ndarray) -> float:
        return float(((a.astype(float) - b.astype(float)) ** 2).sum())

    balls, covered = 0, 0
    for i, center in enumerate(real):
        radius = sorted(distance(center, other) for j, other in enumerate(real) if j != i)[neighbors - 1]
        inside = sum(distance(center, point) <= radius for point in made)
        balls += inside
        covered += inside > 0
    return balls / (neighbors * len(made)), covered / len(real)


@pytest.mark.parametrize("neighbors", [1, 5])
def test_density_and_coverage_are_the_obvious_loop(neighbors: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real, made = features(0, 40), features(1, 30, shift=0.8)
    found = precision_recall.density_coverage(real, made, neighbors=neighbors)
    density, coverage = obvious_density_and_coverage(real, made, neighbors)
    assert (found.density, found.coverage) == (pytest.approx(density), pytest.approx(coverage))
    assert 0 < density < 1 and 0 < coverage < 1
    assert obvious_density_and_coverage(made, real, neighbors) != (density, coverage), "the balls are of the real set"
    monkeypatch.setattr(precision_recall, "_BLOCK_ELEMENTS", 90)
    assert precision_recall.density_coverage(real, made[::-1].copy(), neighbors=neighbors) == found


def test_density_and_coverage_of_one_distribution_are_those_of_the_paper() -> None:
    found = precision_recall.density_coverage(features(0, 2000), features(1, 2000))
    assert found.neighbors == 5
    assert found.density == pytest.approx(1, abs=0.1)
    assert found.coverage == pytest.approx(1 - 2.0**-5, abs=0.02)  # Lemma 2 in the limit of many images


def test_an_outlier_among_the_real_images_makes_precision_1_and_leaves_density_low() -> None:
    real = np.concatenate([features(0, 50), features(1, 1, shift=300)])
    made = features(2, 50, shift=20)
    assert precision_recall.precision_recall(real, made).precision == 1
    assert precision_recall.density_coverage(real, made).density <= 0.2


def test_bad_input_is_one_sentence() -> None:
    good = features(0, 9)
    broken = np.where(np.arange(9)[:, None] == 4, np.nan, good)
    for measure in (kernel_distance, precision_recall.precision_recall, precision_recall.density_coverage):
        with pytest.raises(ValueError, match=mentions(4, "NaN")):
            measure(good, broken)
        with pytest.raises(ValueError, match=mentions("features", 5, 4)):
            measure(good, good[:, :4])
    with pytest.raises(ValueError, match=mentions("images", 1)):
        kernel_distance(good, good[:1])
    with pytest.raises(ValueError, match=mentions("images", 3)):
        precision_recall.precision_recall(good, good[:3])
    with pytest.raises(ValueError, match=mentions("neighbors", 1, 0)):
        precision_recall.precision_recall(good, good, neighbors=0)
    with pytest.raises(ValueError, match=mentions("real", 5)):
        precision_recall.density_coverage(good[:5], good)
    with pytest.raises(ValueError, match=mentions("neighbors", 1, 0)):
        precision_recall.density_coverage(good, good, neighbors=0)


def test_features_beyond_what_float64_can_square() -> None:
    """All images were inside all balls: precision and recall were 1."""
    real, generated = (1e200 * np.random.default_rng(seed).normal(size=(8, 4)) for seed in (0, 1))
    for measure in (precision_recall.precision_recall, precision_recall.density_coverage, kernel_distance):
        with pytest.raises(UserError, match="float64"):
            measure(real, generated)


def test_bfloat16_is_read() -> None:
    features = torch.from_numpy(np.random.default_rng(0).integers(-8, 8, (9, 4))).bfloat16()
    assert kernel_distance(features, features[:5]) == kernel_distance(features.float(), features[:5].float())
