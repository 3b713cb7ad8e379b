"""SSIM against scikit-image's, MS-SSIM against an obvious loop, PSNR."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from eval.images import ssim as module
from eval.images.psnr import psnr
from eval.images.ssim import RADIUS, SCALE_WEIGHTS, most_scales, multi_scale_ssim, ssim, ssim_map, ssim_of_pairs
from tests.messages import mentions


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


@pytest.mark.parametrize("window", ["gaussian", "uniform"])
def test_one_number_for_each_pair_is_scikit_images(window: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = noisy_pair(3, 31, 22)
    first, second = np.concatenate([first, second]), np.concatenate([second, first[::-1]])
    uniform = {"gaussian_weights": False, "use_sample_covariance": True}
    options: dict[str, object] = {"gaussian": {}, "uniform": uniform}[window]
    expected = [scikit(*pair, **options)[0] for pair in zip(first, second, strict=True)]
    ours = ssim(first, second, window=window).numpy()
    assert ours == pytest.approx(expected, abs=1e-9)
    maps = ssim_map(first, second, window=window).numpy()
    assert maps[1] == pytest.approx(scikit(first[1], second[1], **options)[1].mean(axis=0), abs=1e-9)
    other = ssim(first, second, window={"gaussian": "uniform", "uniform": "gaussian"}[window]).numpy()
    assert np.abs(other - expected).min() > 1e-4
    monkeypatch.setattr(module, "_MEMORY_PIXELS", 1)
    assert np.array_equal(ssim(first[::-1].copy(), second[::-1].copy(), window=window).numpy()[::-1], ours)


@pytest.mark.parametrize("window", ["gaussian", "uniform"])
def test_pairs_among_a_few_images_are_each_pairs_number(window: str, monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.from_numpy(np.concatenate([noisy_pair(seed, 31, 22)[0] for seed in (4, 5)]))
    places = torch.tensor([[0, 1], [3, 0], [2, 2], [1, 3], [1, 0]])
    expected = ssim(images[places[:, 0]], images[places[:, 1]], window=window)
    found = ssim_of_pairs(images, places, window=window).numpy()
    assert found == pytest.approx(expected.numpy(), abs=1e-12) and found[2] == pytest.approx(1)
    assert np.abs(ssim_of_pairs(images, places, window=window, data_range=100.0).numpy() - found)[0] > 1e-4
    monkeypatch.setattr(module, "_MEMORY_PIXELS", 1)
    assert np.abs(ssim_of_pairs(images, places, window=window).numpy() - found).max() < 1e-12


def obvious_multi_scale(first: np.ndarray, second: np.ndarray, scales: int) -> float:
    weights, channels = np.array(SCALE_WEIGHTS[:scales]) / sum(SCALE_WEIGHTS[:scales]), []
    for x, y in zip(first.astype(float), second.astype(float), strict=True):
        value = 1.0
        for scale, weight in enumerate(weights):

            def smooth(plane: np.ndarray) -> np.ndarray:
                return gaussian_filter(plane, 1.5, truncate=3.5)[5:-5, 5:-5]

            mx, my = smooth(x), smooth(y)
            vx, vy, cov = smooth(x * x) - mx * mx, smooth(y * y) - my * my, smooth(x * y) - mx * my
            structure = (2 * cov + (0.03 * 255) ** 2) / (vx + vy + (0.03 * 255) ** 2)
            luminance = (2 * mx * my + (0.01 * 255) ** 2) / (mx**2 + my**2 + (0.01 * 255) ** 2)
            last = scale == scales - 1
            value *= max(float((structure * luminance if last else structure).mean()), 0) ** weight
            h, w = (side // 2 * 2 for side in x.shape)
            x, y = (p[:h, :w].reshape(h // 2, 2, w // 2, 2).mean(axis=(1, 3)) for p in (x, y))
        channels.append(value)
    return float(np.mean(channels))


@pytest.mark.parametrize(("height", "width", "scales"), [(64, 48, 3), (61, 45, 3), (180, 176, 5), (20, 12, 1)])
def test_multi_scale_is_the_obvious_loop(height: int, width: int, scales: int) -> None:
    assert most_scales(height, width) == scales
    first, second = noisy_pair(4, height, width)
    expected = [obvious_multi_scale(*pair, scales) for pair in zip(first, second, strict=True)]
    assert multi_scale_ssim(first, second).numpy() == pytest.approx(expected, abs=1e-9)
    if scales > 1:
        fewer = multi_scale_ssim(first, second, scales=scales - 1).numpy()
        assert np.abs(fewer - expected).min() > 1e-4
    else:
        assert multi_scale_ssim(first, second).numpy() == pytest.approx(ssim(first, second).numpy(), abs=1e-12)


def test_scales_of_a_pedestrian() -> None:
    assert (most_scales(256, 128), most_scales(176, 176), most_scales(10, 90)) == (4, 5, 0)


def test_psnr_is_scikit_images() -> None:
    first, second = noisy_pair(5, 20, 20)
    expected = [peak_signal_noise_ratio(*pair, data_range=255) for pair in zip(first, second, strict=True)]
    assert psnr(first, second).numpy() == pytest.approx(expected, abs=1e-9)
    assert psnr(first, first).isinf().all()
    with pytest.raises(ValueError, match="both images must have one shape"):
        psnr(first, second[:1])


def test_identical_images_and_order_of_arguments() -> None:
    first, second = noisy_pair(1, 20, 20)
    assert ssim_map(first, first).numpy() == pytest.approx(1, abs=1e-12)
    assert ssim_map(first, second).numpy() == pytest.approx(ssim_map(second, first).numpy(), abs=1e-12)
    for window in ("gaussian", "uniform"):
        assert ssim(first, first, window=window).numpy() == pytest.approx(1, abs=1e-12)
    assert multi_scale_ssim(first, first).numpy() == pytest.approx(1, abs=1e-12)
    flat = torch.full((1, 3, 20, 20), 255, dtype=torch.uint8)
    assert multi_scale_ssim(flat, flat).item() == pytest.approx(1, abs=1e-12)


def test_bad_input_is_one_sentence() -> None:
    first, second = noisy_pair(1, 20, 20)
    with pytest.raises(ValueError, match="both images must have one shape"):
        ssim_map(first, second[:, :, :15])
    with pytest.raises(ValueError, match=mentions("pixels", 11, 20, 10)):
        ssim_map(first[..., :10], second[..., :10])
    with pytest.raises(ValueError, match=mentions("pixels", 7, 20, 6)):
        ssim(first[..., :6], second[..., :6], window="uniform")
    with pytest.raises(ValueError, match=mentions("window", "gaussian", "uniform", "'flat'")):
        ssim(first, second, window="flat")
    with pytest.raises(ValueError, match=mentions("scales", 1, 2)):
        multi_scale_ssim(first, second, scales=2)
    with pytest.raises(ValueError, match=mentions("first", "uint8")):
        ssim_map(first / 255, second)
