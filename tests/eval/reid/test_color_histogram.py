"""The color histogram against one count at a time."""

import colorsys

import numpy as np
import pytest

from eval.reid.color_histogram import color_histogram
from eval.reid.labeled_features import LabeledFeatures
from eval.reid.ranking import rank_metrics
from tests.messages import mentions


def images(seed: int, count: int = 3, height: int = 13, width: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 3, height, width), dtype=np.uint8)


def obvious(pixels: np.ndarray, stripes: int) -> np.ndarray:
    """Python's own color conversion and one pixel after another."""
    result = np.zeros((len(pixels), stripes, 8, 4, 4))
    for number, image in enumerate(pixels):
        for row in range(image.shape[1]):
            for column in range(image.shape[2]):
                bins = [
                    min(int(value * count + 1e-9), count - 1)
                    for value, count in zip(colorsys.rgb_to_hsv(*(image[:, row, column] / 255)), (8, 4, 4), strict=True)
                ]
                result[number, row * stripes // image.shape[1], bins[0], bins[1], bins[2]] += 1
    result /= result.sum(axis=(2, 3, 4), keepdims=True)
    return np.sqrt(result / stripes).reshape(len(pixels), -1)


@pytest.mark.parametrize("stripes", [1, 6, 13])
def test_obvious_count(stripes: int) -> None:
    pixels = images(0)
    ours = color_histogram(pixels, stripes=stripes)
    assert ours.dtype == np.float32
    # A value on the very edge of a bin may fall to either side: one pixel of sixty-five, at most twice.
    assert np.linalg.norm(ours - obvious(pixels, stripes), axis=1).max() < 1e-6
    assert np.linalg.norm(ours - obvious(pixels[::-1], stripes), axis=1)[0] > 0.1


def test_unit_norm_and_independence_of_the_batch() -> None:
    pixels = images(1, count=300)
    together = color_histogram(pixels)
    assert np.linalg.norm(together, axis=1) == pytest.approx(1, abs=1e-6)
    assert np.array_equal(together[290:], color_histogram(pixels[290:]))


def test_stripes_know_where_a_color_is() -> None:
    upright = np.zeros((1, 3, 12, 4), dtype=np.uint8)
    upright[:, 0, :6] = 255
    flipped = upright[:, :, ::-1].copy()
    assert np.array_equal(color_histogram(upright, stripes=1), color_histogram(flipped, stripes=1))
    assert (color_histogram(upright) @ color_histogram(flipped).T).item() == 0.0


def test_it_ranks_like_colors_first() -> None:
    colors = np.array([[200, 30, 30], [30, 200, 30], [30, 30, 200]], dtype=np.uint8)
    pixels = np.broadcast_to(colors[:, :, None, None], (3, 3, 12, 4)).copy()
    features, ids = color_histogram(pixels), np.arange(3)
    query, gallery = (LabeledFeatures(features, ids, np.full(3, camera)) for camera in (0, 1))
    assert rank_metrics(query, gallery).mAP == 1.0


@pytest.mark.parametrize(
    ("pixels", "options", "sentence"),
    [
        (images(0).astype(np.float32), {}, mentions("images", "uint8")),
        (images(0)[0], {}, mentions("images", "uint8")),
        (images(0)[:0], {}, mentions("images", "uint8")),
        (images(0), {"stripes": 14}, mentions("stripes", 1, 13, 14)),
    ],
)
def test_bad_input_is_one_sentence(pixels: np.ndarray, options: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        color_histogram(pixels, **options)
