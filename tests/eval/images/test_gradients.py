"""Gradients of an image against its truth's: the obvious loop, and what blurred, noisy and checkered images get."""

import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from dgnet.core.errors import UserError
from dgnet.data.pedestrians import appearance_of, render, structure_of
from eval.images.gradients import gradient_fidelity
from eval.images.swap_fidelity import Fidelity, swap_fidelity
from tests.eval.images.test_swap_fidelity import HEIGHT, WIDTH, images, outlines
from tests.messages import mentions


def obvious(image: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    own = true = both = 0.0
    for row in range(HEIGHT):
        for column in range(WIDTH):
            for down, right in ((0, 1), (1, 0)):
                if row + down == HEIGHT or column + right == WIDTH:
                    continue
                here, there = (row, column), (row + down, column + right)
                weight = (float(weights[here]) + float(weights[there])) / 2
                d, t = (
                    float(one[:, there[0], there[1]].mean()) - float(one[:, here[0], here[1]].mean())
                    for one in (image.astype(float), truth.astype(float))
                )
                own, true, both = own + weight * d * d, true + weight * t * t, both + weight * d * t
    return own / true, both / math.sqrt(own * true)


def test_obvious_loop() -> None:
    ours, truths, weights = (images(0) // 2).astype(np.uint8), images(1), outlines(2)
    truths = ((truths + ours.astype(int)) // 2).astype(np.uint8)
    result = gradient_fidelity(ours, truths, weights)
    expected = np.array([obvious(*pair) for pair in zip(ours, truths, weights, strict=True)])
    assert result.energy == pytest.approx(expected[:, 0], abs=1e-9)
    assert result.correlation == pytest.approx(expected[:, 1], abs=1e-9)
    one_by_one = gradient_fidelity(ours, truths, weights, batch=1)
    assert one_by_one.energy == pytest.approx(result.energy, abs=1e-12)
    assert one_by_one.correlation == pytest.approx(result.correlation, abs=1e-12)


def test_only_the_person_and_its_rim_count() -> None:
    truths, weights = images(1), outlines(2)
    near = np.zeros_like(weights, dtype=bool)
    near[:, 1:] |= weights[:, :-1] > 0
    near[:, :-1] |= weights[:, 1:] > 0
    near[:, :, 1:] |= weights[:, :, :-1] > 0
    near[:, :, :-1] |= weights[:, :, 1:] > 0
    background = ~near & (weights == 0)
    assert background.any()
    spoiled = np.where(background[:, None], 255 - truths, truths).astype(np.uint8)
    result = gradient_fidelity(spoiled, truths, weights)
    assert result.energy.tolist() == [1, 1, 1] and result.correlation == pytest.approx([1, 1, 1])
    rim = np.where((near & (weights == 0))[:, None], 255 - truths, truths).astype(np.uint8)
    assert (gradient_fidelity(rim, truths, weights).correlation < 0.999).all()


def test_a_flat_image_an_inverted_one_and_a_checkerboard_of_pixels() -> None:
    truths, weights = (images(1) // 2).astype(np.uint8), outlines(2)
    flat = gradient_fidelity(np.full_like(truths, 7), truths, weights)
    assert flat.energy.tolist() == flat.correlation.tolist() == [0, 0, 0]
    assert gradient_fidelity(255 - truths, truths, weights).correlation == pytest.approx([-1, -1, -1])
    board = (np.indices((HEIGHT, WIDTH)).sum(0) % 2 * 60).astype(np.uint8)
    smooth = np.broadcast_to(np.linspace(0, 120, WIDTH), truths.shape).astype(np.uint8)
    assert (gradient_fidelity(smooth + board, smooth, weights).energy > 10).all()


def test_a_truth_without_gradients_is_refused() -> None:
    truths = images(1)
    truths[2] = 9
    with pytest.raises(UserError, match=mentions("truth", 2)):
        gradient_fidelity(images(0), truths, outlines(2))


@pytest.fixture(scope="module")
def rendered() -> dict[str, np.ndarray]:
    """Six true swaps with their sources, at the renderer's own size."""

    def side(appearances: range, structures: range) -> tuple[np.ndarray, np.ndarray]:
        people = [
            render(appearance_of(0, one), structure_of(0, other, 1, 0), 128, 64)
            for one, other in zip(appearances, structures, strict=True)
        ]
        return np.stack([one.image for one in people]).transpose(0, 3, 1, 2), np.stack([one.person for one in people])

    first, second = range(1, 7), range(21, 27)
    names = ("truth", "structure", "appearance")
    sides = (side(first, second), side(second, second), side(first, first))
    return {
        key: value
        for name, (pictures, weights) in zip(names, sides, strict=True)
        for key, value in ((f"{name}s", pictures), (f"{name}_outlines", weights))
    }


def _features(pictures: np.ndarray) -> np.ndarray:
    """Of each image: the mean and the deviation of its differences, and colors of its cells."""
    values = np.asarray(pictures).astype(float)
    cells = values.reshape(len(values), 3, 4, -1, 2, values.shape[3] // 2).mean(axis=(3, 5)).reshape(len(values), -1)
    return np.concatenate([cells / 10, np.abs(np.diff(values, axis=3)).mean(axis=(2, 3))], axis=1)


@pytest.mark.slow
def test_a_blurred_and_a_noisy_answer_lose(rendered: dict[str, np.ndarray]) -> None:
    truths = rendered["truths"].astype(float)
    noise = np.random.default_rng(0).normal(0, 1, truths.shape)
    answers = {
        "good": truths + 2 * noise,
        "blurred": gaussian_filter(truths, (0, 0, 3, 3)),
        "noisy": truths + 30 * noise,
    }
    measured: dict[str, Fidelity] = {}
    for name, pictures in answers.items():
        given = np.clip(pictures.round(), 0, 255).astype(np.uint8)
        result = swap_fidelity(given, **rendered, embed=_features)
        measured[name] = result.generated
        # By PSNR the blurred answer beats all that need no model.
        assert result.generated.psnr > max(answer.psnr for answer in result.simple.values()) + 1, name
    good, blurred, noisy = (measured[name] for name in ("good", "blurred", "noisy"))
    assert 0.9 < good.gradient_energy < 1.1 and good.gradient_correlation > 0.95
    assert blurred.gradient_energy < 0.5 and noisy.gradient_energy > 2
    for loser in (blurred, noisy):
        assert loser.gradient_correlation < good.gradient_correlation - 0.2
        assert loser.ssim < good.ssim - 0.1
        assert loser.frechet is not None and good.frechet is not None and loser.frechet > 2 * good.frechet
