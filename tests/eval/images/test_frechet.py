"""The Frechet distance against pytorch-fid's and against a distance that is known."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from pytorch_fid.fid_score import calculate_frechet_distance

from dgnet.core.errors import UserError
from dgnet.core.images import image_files
from eval.extractor import Extractor, features_of
from eval.images.frechet import FeatureStatistics, frechet_distance, read_statistics, save_statistics, statistics_of
from eval.images.image_sets import read_set
from eval.images.set_metrics import set_metrics
from tests.eval.images.small_files import write_set
from tests.messages import mentions


def features(seed: int, images: int, length: int, scale: float = 1.0) -> np.ndarray:
    random = np.random.default_rng(seed)
    mixing = np.eye(length) + 0.3 * random.normal(size=(length, length)) / np.sqrt(length)
    return (random.normal(size=(images, length)) @ mixing * scale + random.normal(size=length)).astype(np.float32)


def theirs(first: np.ndarray, second: np.ndarray) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sets = [(x.mean(axis=0), np.cov(x.astype(np.float64), rowvar=False)) for x in (first, second)]
        return float(calculate_frechet_distance(*sets[0], *sets[1]))


@pytest.mark.parametrize("length", [1, 8, 120])
def test_equals_pytorch_fid(length: int) -> None:
    first, second = features(0, 600, length), features(1, 500, length, scale=1.5)
    if length == 1:
        expected = (first.mean() - second.mean()) ** 2 + (first.std(ddof=1) - second.std(ddof=1)) ** 2
    else:
        expected = theirs(first, second)
    ours = frechet_distance(statistics_of(first), statistics_of(second))
    assert ours == pytest.approx(expected, rel=1e-6)
    assert frechet_distance(statistics_of(second), statistics_of(first)) == pytest.approx(ours, rel=1e-9)
    # What the comparison would tell: no root, and a covariance divided by the number of images.
    naive = statistics_of(first).covariance.trace() + statistics_of(second).covariance.trace()
    assert abs(naive - ours) > 1e-3
    biased = FeatureStatistics(
        first.mean(axis=0).astype(float), np.cov(first, rowvar=False, bias=True).reshape(length, -1)
    )
    assert frechet_distance(biased, statistics_of(second)) != pytest.approx(ours, rel=1e-6)


def test_equals_pytorch_fid_on_a_falling_spectrum() -> None:
    """Inception's features: a few strong directions, many weak ones."""
    fall = np.exp(-np.arange(80) / 12)
    first, second = features(0, 900, 80) * fall, features(1, 900, 80) * fall
    assert frechet_distance(statistics_of(first), statistics_of(second)) == pytest.approx(
        theirs(first, second), rel=1e-6
    )


def test_statistics_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of 7 rows, far from 0, in an order that makes the first part unlike the rest."""
    first = features(4, 90, 6) + 1000
    first = first[np.argsort(first[:, 0])]
    exact = first.astype(np.float64)
    monkeypatch.setattr("eval.images.frechet._ROWS", 7)
    found = statistics_of(first)
    np.testing.assert_allclose(found.mean, exact.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(found.covariance, np.cov(exact, rowvar=False), rtol=1e-10, atol=1e-10)
    assert np.array_equal(found.covariance, found.covariance.T)


def test_fewer_images_than_features() -> None:
    """The covariances are singular. Their factors are the centered features: the root is a sum of singular values."""
    first, second = features(0, 30, 100), features(1, 20, 100)
    centered = [(x - x.mean(axis=0, dtype=np.float64)) / np.sqrt(len(x) - 1) for x in (first, second)]
    root = np.linalg.svd(centered[0] @ centered[1].T, compute_uv=False).sum()
    means = first.mean(axis=0, dtype=np.float64) - second.mean(axis=0, dtype=np.float64)
    expected = means @ means + sum((x**2).sum() for x in centered) - 2 * root
    for pair in ((first, second), (second, first)):
        assert frechet_distance(*map(statistics_of, pair)) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(("images", "length"), [(400, 50), (20, 100), (2, 5)])
def test_identical_sets_are_at_distance_0_in_any_order(images: int, length: int) -> None:
    first = features(2, images, length)
    statistics, size = statistics_of(first), float(np.trace(statistics_of(first).covariance))
    assert frechet_distance(statistics, statistics) == pytest.approx(0, abs=1e-9 * size)
    shuffled = statistics_of(first[np.random.default_rng(0).permutation(images)])
    assert frechet_distance(statistics, shuffled) == pytest.approx(0, abs=1e-6 * size)
    other = statistics_of(features(3, images, length))
    assert frechet_distance(shuffled, other) == pytest.approx(frechet_distance(statistics, other), rel=1e-6)


def test_images_that_are_all_alike() -> None:
    flat = statistics_of(np.ones((5, 3), np.float32))
    assert frechet_distance(flat, flat) == 0
    moved = statistics_of(np.full((5, 3), 2, np.float32))
    assert frechet_distance(flat, moved) == pytest.approx(3)


def test_a_warning_for_few_images(caplog: pytest.LogCaptureFixture) -> None:
    assert "2048: the Frechet distance of few images is biased upwards" in statistics_of(features(0, 60, 4)).warning
    assert "60 images are fewer" in caplog.text
    assert "cannot fill a covariance of 90 features" in statistics_of(features(0, 60, 90)).warning
    caplog.clear()
    assert statistics_of(features(0, 2048, 4)).warning == "" == caplog.text


def test_statistics_of_ours_and_of_pytorch_fid_are_read(tmp_path: Path) -> None:
    statistics = statistics_of(features(0, 50, 6), extractor="colors")
    save_statistics(statistics, tmp_path / "ours.npz")
    found = read_statistics(tmp_path / "ours.npz")
    assert np.array_equal(found.covariance, statistics.covariance) and np.array_equal(found.mean, statistics.mean)
    assert (found.images, found.extractor) == (50, "colors")
    np.savez_compressed(tmp_path / "theirs.npz", mu=statistics.mean, sigma=statistics.covariance)
    other = read_statistics(tmp_path / "theirs.npz")
    assert (other.images, other.extractor, other.warning) == (None, None, "")
    assert frechet_distance(found, other) == pytest.approx(0, abs=1e-9)
    colors = Extractor("colors", lambda image: image, lambda batch: batch)
    sets = [read_set(tmp_path / name, colors, name=name) for name in ("ours.npz", "theirs.npz")]
    (metric,) = set_metrics(sets[0], sets[1], colors, kid=False, precision_and_recall=False)
    assert metric.protocol.endswith("colors, theirs.npz by an extractor that its file does not name")
    (metric,) = set_metrics(sets[0], sets[0], colors, kid=False, precision_and_recall=False)
    assert metric.protocol == "50 against 50 images, colors"
    with pytest.raises(ValueError, match=mentions("already", "ours.npz")):
        save_statistics(statistics, tmp_path / "ours.npz")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ours.npz", "theirs.npz"]


def test_any_extractor_on_files_and_arrays(tmp_path: Path) -> None:
    files = image_files(write_set(tmp_path, 9))
    colors = Extractor("colors", lambda image: image.float(), lambda batch: batch.mean(dim=(2, 3)))
    every = [features_of(files, colors, batch=batch, workers=workers) for batch, workers in ((1, 1), (4, 2), (50, 3))]
    assert all(np.array_equal(every[0], other) for other in every)
    assert every[0].shape == (9, 3) and np.ptp(every[0], axis=0).min() > 1
    with pytest.raises(ValueError, match=mentions("row", "features", 9)):
        features_of(files, Extractor("flat", lambda image: image.float(), lambda batch: batch.mean(dim=(1, 2, 3))))
    with pytest.raises(ValueError, match=mentions("features", "finite", 0)):
        features_of(files, Extractor("broken", lambda image: image.float(), lambda b: b.mean(dim=(2, 3)) / 0 * 0))


@pytest.mark.parametrize(
    ("mean", "covariance", "sentence"),
    [
        (
            np.zeros(3),
            np.eye(2),
            mentions("(3,)", "(2, 2)"),
        ),
        (np.array([1j, 0]), np.eye(2), mentions("real numbers", "complex128")),
        (np.zeros(2), np.eye(2) * (1 + 1j), mentions("real numbers", "complex128")),
        (np.array(["1", "2"]), np.eye(2), mentions("real numbers", "<U1")),
        (np.array([True, False]), np.eye(2), mentions("real numbers", "bool")),
        (np.zeros(2), np.array([[1, np.nan], [np.nan, 1]]), mentions("finite", "NaN")),
        (np.zeros(2), np.array([[1.0, 0.5], [0, 1]]), mentions("symmetric", "covariance")),
        (np.array([1e200, 0]), np.eye(2), mentions("1e+150", "1e+200")),
        (np.zeros(2), 1e200 * np.eye(2), mentions("1e+150", "1e+200")),
        (np.zeros(2), np.diag([1.0, -1.0]), mentions("negative", "eigenvalue", "-1")),
        (np.zeros(3), np.eye(3), mentions("features", 3, 2)),
    ],
)
def test_bad_statistics_are_one_sentence(mean: np.ndarray, covariance: np.ndarray, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        frechet_distance(FeatureStatistics(mean, covariance), FeatureStatistics(np.zeros(2), np.eye(2), images=9000))


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("mu", np.array([1j, 0])),
        ("sigma", np.eye(2, dtype="timedelta64[s]")),
        ("mu", np.array(["1", "2"])),
        ("images", 3.7),
        ("images", -5),
        ("images", np.array([3, 4])),
        ("images", 1 + 2j),
        ("images", np.inf),
        ("extractor", b"inception"),
        ("source", np.array(["a", "b"])),
    ],
)
def test_other_kinds_of_numbers_in_a_file_are_refused(tmp_path: Path, entry: str, value: object) -> None:
    """The imaginary part of a mean was dropped, 3.7 images were 3, and bytes became their own description."""
    file = tmp_path / "statistics.npz"
    np.savez(file, **{"mu": np.zeros(2), "sigma": np.eye(2)} | {entry: np.asarray(value)})
    named = "real numbers" if entry in ("mu", "sigma") else repr(entry)
    with pytest.raises(UserError, match=mentions("statistics.npz", named)):
        read_statistics(file)


def test_statistics_of_other_precisions_are_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "half.npz", mu=np.array([0, 1], ">f2"), sigma=np.eye(2, dtype=np.int32), images=np.uint8(9))
    read = read_statistics(tmp_path / "half.npz")
    assert (read.mean.dtype, read.covariance.dtype, read.images) == (np.float64, np.float64, 9)
    assert frechet_distance(read, FeatureStatistics(np.zeros(2), np.eye(2))) == pytest.approx(1.0)


def test_bad_input_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=mentions("images", 1)):
        statistics_of(features(0, 1, 3))
    with pytest.raises(ValueError, match="row 2 holds NaN"):
        statistics_of(np.where(np.arange(5)[:, None] == 2, np.nan, features(0, 5, 3)))
    one, two = (statistics_of(features(0, 9, 3), extractor=name) for name in ("colors", "shapes"))
    with pytest.raises(ValueError, match=mentions("'colors'", "'shapes'")):
        frechet_distance(one, two)
    (tmp_path / "text.npz").write_text("no archive")
    np.savez(tmp_path / "other.npz", weights=np.zeros(2))
    for name in ("text.npz", "other.npz", "missing.npz"):
        with pytest.raises(ValueError, match=f"{name}: no .npz of statistics"):
            read_statistics(tmp_path / name)
    with pytest.raises(ValueError, match="statistics are saved as .npz"):
        save_statistics(one, tmp_path / "statistics.txt")
