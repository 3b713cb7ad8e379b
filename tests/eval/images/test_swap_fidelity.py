"""PSNR and SSIM inside the outline, and the answers that need no model."""

import math

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from eval.images.simple_answers import painted, recolored, simple_answers
from eval.images.swap_fidelity import fidelity, swap_fidelity
from tests.messages import mentions

HEIGHT, WIDTH = 30, 16


def images(seed: int, count: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 3, HEIGHT, WIDTH), dtype=np.uint8)


def outlines(seed: int, count: int = 3) -> np.ndarray:
    """Soft-edged persons: 1 inside, a slope, 0 outside."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    centers, radii = random.uniform(6, 10, (count, 1, 1)), random.uniform(5, 8, (count, 1, 1))
    distance = np.hypot((rows - 15) / 2.2, columns - centers)
    return np.clip(radii - distance, 0, 1).astype(np.float32)


def obvious(image: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    error = total = similarity = 0.0
    _, full = structural_similarity(
        image,
        truth,
        channel_axis=0,
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    for row in range(HEIGHT):
        for column in range(WIDTH):
            weight = float(weights[row, column])
            total += weight
            difference = image[:, row, column].astype(float) - truth[:, row, column]
            error += weight * float((difference**2).mean())
            similarity += weight * float(full[:, row, column].mean())
    return 10 * math.log10(255**2 / (error / total)), similarity / total


def test_obvious_loop() -> None:
    ours, truths, weights = images(0), images(1), outlines(2)
    result = fidelity(ours, truths, weights)
    expected = [obvious(*pair) for pair in zip(ours, truths, weights, strict=True)]
    assert result.psnr_of_pairs == pytest.approx([psnr for psnr, _ in expected], abs=1e-9)
    assert result.ssim_of_pairs == pytest.approx([ssim for _, ssim in expected], abs=1e-9)
    # The mean of dB values, which the dB of the mean error is not.
    assert result.psnr == pytest.approx(np.mean([psnr for psnr, _ in expected]), abs=1e-9)
    elsewhere = fidelity(ours, truths, 1 - weights)
    assert np.abs(elsewhere.psnr_of_pairs - result.psnr_of_pairs).min() > 1e-3


def test_only_the_person_counts_and_batches_change_nothing() -> None:
    truths, weights = images(1), outlines(2)
    spoiled = np.where(weights[:, None] == 0, 255 - truths, truths).astype(np.uint8)
    assert np.isinf(fidelity(spoiled, truths, weights).psnr_of_pairs).all()
    assert fidelity(truths, truths, weights).ssim == pytest.approx(1)
    ours = images(0)
    one_by_one, together = fidelity(ours, truths, weights, batch=1), fidelity(ours, truths, weights)
    assert one_by_one.psnr_of_pairs == pytest.approx(together.psnr_of_pairs, abs=1e-9)
    assert one_by_one.ssim_of_pairs == pytest.approx(together.ssim_of_pairs, abs=1e-9)


def person_mean(image: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return (image * weights).sum(axis=(1, 2)) / weights.sum()


@pytest.mark.parametrize("darkness", [1, 4])
def test_recolored_meets_the_mean_color_and_keeps_the_background(darkness: int) -> None:
    structures, appearances = images(3), (images(4) // darkness).astype(np.uint8)
    inside, other = outlines(5), outlines(6)
    result = recolored(structures, inside, appearances, other).numpy()
    for pair in range(3):
        assert person_mean(result[pair], inside[pair]) == pytest.approx(
            person_mean(appearances[pair], other[pair]), abs=0.5
        )
        background = np.broadcast_to(inside[pair] == 0, structures[pair].shape)
        assert np.array_equal(result[pair][background], structures[pair][background])
    unlike = np.abs(person_mean(structures[0], inside[0]) - person_mean(appearances[0], other[0]))
    assert unlike.max() > 1


def test_painted_wears_the_colors_at_their_height() -> None:
    weights = np.zeros((1, HEIGHT, WIDTH), dtype=np.float32)
    weights[:, 6:24, 4:12] = 1  # six bands of three rows
    lower = np.roll(weights, -4, axis=1)
    appearance = np.zeros((1, 3, HEIGHT, WIDTH), dtype=np.uint8)
    colors = np.random.default_rng(0).integers(0, 256, (6, 3))
    for band, color in enumerate(colors):
        appearance[0, :, 6 + 3 * band : 9 + 3 * band] = color[:, None, None]
    structure = images(3, count=1)
    result = painted(structure, lower, appearance, weights).numpy()[0]
    for band, color in enumerate(colors):
        part = result[:, 2 + 3 * band : 5 + 3 * band, 4:12]
        assert np.array_equal(part, np.broadcast_to(color[:, None, None], part.shape))
    assert np.array_equal(result[:, 20:], structure[0, :, 20:])


def test_painted_with_an_outline_of_one_row() -> None:
    weights = np.zeros((1, HEIGHT, WIDTH), dtype=np.float32)
    weights[:, 9, 3:8] = 0.2
    result = painted(images(3, count=1), outlines(5, count=1), images(4, count=1), weights).numpy()
    assert result.shape == (1, 3, HEIGHT, WIDTH)
    inner = result[0][:, outlines(5, count=1)[0] == 1]
    assert np.ptp(inner, axis=1).max() == 0


def arguments() -> dict[str, np.ndarray]:
    truths = images(1)
    noise = np.random.default_rng(9).normal(0, 5, truths.shape)
    return {
        "generated": np.clip(truths + noise, 0, 255).astype(np.uint8),
        "truths": truths,
        "truth_outlines": outlines(2),
        "structures": images(3),
        "structure_outlines": outlines(2),
        "appearances": images(4),
        "appearance_outlines": outlines(6),
    }


def test_ours_beside_the_simple_answers() -> None:
    given = arguments()
    result = swap_fidelity(**given)
    answers = simple_answers(*(given[name] for name in list(given)[3:]))
    assert list(result.simple) == ["structure_itself", "appearance_itself", "recolored", "painted"]
    for name, answer in answers.items():
        assert result.simple[name].psnr == fidelity(answer, given["truths"], given["truth_outlines"]).psnr
    assert (
        result.simple["structure_itself"].psnr
        == fidelity(given["structures"], given["truths"], given["truth_outlines"]).psnr
    )
    best = max(answer.psnr for answer in result.simple.values())
    assert result.generated.psnr - best > 4
    assert (result.share_won, result.pairs) == (1.0, 3)


def test_a_trivial_answer_wins_no_pair() -> None:
    given = arguments()
    given["generated"] = given["structures"]
    result = swap_fidelity(**given)
    assert result.share_won == 0.0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"generated": images(0, count=2)}, "images and truths must have one shape"),
        ({"truth_outlines": outlines(2)[:, :-1]}, mentions("shape", "outlines")),
        ({"truth_outlines": outlines(2) * 2}, mentions("outlines", 0, 1)),
        ({"truth_outlines": np.full((3, HEIGHT, WIDTH), np.nan)}, mentions("outlines", 0, 1)),
        (
            {"structure_outlines": np.zeros((3, HEIGHT, WIDTH))},
            mentions("structure_outlines", 0),
        ),
        ({"appearances": images(4, count=4)}, "structures and appearances must have one shape"),
        ({"structures": images(1)}, mentions(0, "structure_itself")),
    ],
)
def test_bad_input_is_one_sentence(change: dict[str, np.ndarray], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        swap_fidelity(**(arguments() | change))
