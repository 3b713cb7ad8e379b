"""The SSIM map against scikit-image's."""

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from eval.ssim import RADIUS, ssim_map


def noisy_pair(seed: int, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    first = random.integers(0, 256, (2, 3, height, width), dtype=np.uint8)
    second = np.clip(first + random.normal(0, 40, first.shape), 0, 255).astype(np.uint8)
    return first, second


def scikit(first: np.ndarray, second: np.ndarray, **options) -> tuple[float, np.ndarray]:
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False} | options
    return structural_similarity(first, second, channel_axis=0, data_range=255, full=True, **settings)


@pytest.mark.parametrize(("height", "width"), [(40, 23), (11, 11), (12, 64)])
def test_equals_scikit_image(height: int, width: int) -> None:
    first, second = noisy_pair(0, height, width)
    ours = ssim_map(first, second).numpy()
    for number in range(2):
        scalar, full = scikit(first[number], second[number])
        assert np.abs(ours[number] - full.mean(axis=0)).max() < 1e-9
        inner = ours[number, RADIUS : height - RADIUS, RADIUS : width - RADIUS]
        assert inner.mean() == pytest.approx(scalar, abs=1e-9)
    # The comparison would tell another window or another variance.
    assert np.abs(ours[0] - scikit(first[0], second[0], use_sample_covariance=True)[1].mean(axis=0)).max() > 1e-6
    assert np.abs(ours[0] - scikit(first[0], second[0], sigma=1.4)[1].mean(axis=0)).max() > 1e-6


def test_identical_images_and_order_of_arguments() -> None:
    first, second = noisy_pair(1, 20, 20)
    assert ssim_map(first, first).numpy() == pytest.approx(1, abs=1e-12)
    assert ssim_map(first, second).numpy() == pytest.approx(ssim_map(second, first).numpy(), abs=1e-12)


def test_bad_input_is_one_sentence() -> None:
    first, second = noisy_pair(1, 20, 20)
    with pytest.raises(ValueError, match="both images must have one shape"):
        ssim_map(first, second[:, :, :15])
    with pytest.raises(ValueError, match="at least 11 x 11 pixels, got 20 x 10"):
        ssim_map(first[..., :10], second[..., :10])
    with pytest.raises(ValueError, match="first must be uint8 images"):
        ssim_map(first / 255, second)
