"""SSIM, as a map and as one number for each pair: Wang et al., "Image quality assessment: from error visibility to
structural similarity", 2004; and its version on several scales."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from dgnet.core.errors import UserError
from eval.arrays import Array, check_same_shape, checked_images

K1, K2 = 0.01, 0.03
DATA_RANGE = 255.0
# Wang, Simoncelli, Bovik, "Multi-scale structural similarity for image quality assessment", 2003, from fine to coarse.
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_MEMORY_PIXELS = 2**17  # of a pair of 256x128 at a time: about ten float64 copies of more of them leave the cache


@dataclass(frozen=True)
class Window:
    """What means and variances are taken over: `sigma` in pixels, or None for equal weights."""

    radius: int
    sigma: float | None
    sample_covariance: bool  # divided by pixels - 1, as scikit-image does unless told otherwise

    @property
    def unbiased(self) -> float:
        """What makes the mean of squared deviations a variance."""
        pixels = (2 * self.radius + 1) ** 2
        return pixels / (pixels - 1) if self.sample_covariance else 1.0


WINDOWS = {
    # Wang's: the gaussian is cut off at 3.5 sigma, a window of 11 x 11.
    "gaussian": Window(radius=5, sigma=1.5, sample_covariance=False),
    # scikit-image's default: 7 x 7.
    "uniform": Window(radius=3, sigma=None, sample_covariance=True),
}
RADIUS = WINDOWS["gaussian"].radius


def ssim_map(first: Array, second: Array, *, window: str = "gaussian") -> Float[Tensor, "image height width"]:
    """The similarity -1..1 around each pixel, float64, mean over the three channels.

    Both are uint8 images `[image, 3, height, width]`, at least as high and wide as the window. The same as the map of
    scikit-image's `structural_similarity` with `data_range=255`, and for the gaussian window `gaussian_weights=True,
    sigma=1.5, use_sample_covariance=False`: borders are mirrored.
    """
    one, two = _pair(first, second)
    luminance, structure = _terms(one.double(), two.double(), _window(window), DATA_RANGE)
    return (luminance * structure).mean(dim=1)


def ssim(first: Array, second: Array, *, window: str = "gaussian") -> Float[Tensor, " image"]:
    """SSIM -1..1 of each pair, float64, on the CPU: scikit-image's number (the map without its outermost radius).

    Args:
        first: uint8 images, torch `[image, 3, height, width]` or NumPy `[image, height, width, 3]`.
        second: likewise, of the same shape.
        window: `gaussian` (Wang et al., 2004: 11 x 11, sigma 1.5) or `uniform` (7 x 7).

    Raises:
        UserError: other types, two shapes, or images smaller than the window.

    Example:
        >>> import numpy as np
        >>> from eval import ssim
        >>> images = np.random.default_rng(0).integers(0, 256, (2, 64, 32, 3), np.uint8)
        >>> ssim(images, images).tolist()
        [1.0, 1.0]
    """
    one, two = _pair(first, second)
    chosen, values = _window(window), []
    step = _at_a_time(one)
    for start in range(0, len(one), step):
        x, y = (part[start : start + step].double() for part in (one, two))
        luminance, structure = _terms(x, y, chosen, DATA_RANGE)
        values.append(_inner_mean(luminance * structure, chosen.radius).mean(dim=1).cpu())
    return torch.cat(values)


def ssim_of_pairs(
    planes: Shaped[Tensor, "image channel height width"],
    places: Int[Tensor, "pair 2"],
    *,
    window: str = "gaussian",
    data_range: float = DATA_RANGE,
) -> Float[Tensor, " pair"]:
    """`ssim` of pairs among a few images, each of which is smoothed once, however many pairs it is in.

    The planes may be of any kind (Lab, for one), `data_range` is their largest possible difference. Two float64 maps of
    each plane are held at once.
    """
    chosen, values = _window(window), []
    step = _at_a_time(planes)
    known = [_moments(planes[start : start + step].double(), chosen) for start in range(0, len(planes), step)]
    mean, variance = (torch.cat(maps) for maps in zip(*known, strict=True))
    for start in range(0, len(places), step):
        one, two = places[start : start + step].to(planes.device).T
        product = _smoothed(planes[one].double() * planes[two].double(), chosen)
        luminance, structure = _similar(
            (mean[one], variance[one]), (mean[two], variance[two]), product, chosen, data_range
        )
        values.append(_inner_mean(luminance * structure, chosen.radius).mean(dim=1).cpu())
    return torch.cat(values)


def most_scales(height: int, width: int) -> int:
    """How many scales of `multi_scale_ssim` an image has room for: the coarsest still holds the window; at most 5."""
    side, scales = min(height, width), 0
    while scales < len(SCALE_WEIGHTS) and side >= 2 * RADIUS + 1:
        scales, side = scales + 1, side // 2
    return scales


def multi_scale_ssim(first: Array, second: Array, *, scales: int | None = None) -> Float[Tensor, " image"]:
    """MS-SSIM 0..1 of each pair, float64, on the CPU: gaussian windows, the mean over the three channels.

    From one scale to the next the image is averaged over 2 x 2 pixels. A pedestrian of 256x128 has room for 4 of the 5
    scales (the default: as many as there is room for); the weights of those that are used are divided by their sum, and
    figures of another number of scales are not comparable. Negative means count as 0.
    """
    one, two = _pair(first, second)
    room = most_scales(*one.shape[2:])
    scales = room if scales is None else scales
    if not 1 <= scales <= room:
        height, width = one.shape[2:]
        raise UserError(f"images of {height} x {width} pixels have room for 1 to {room} scales, got {scales}")
    weights = torch.tensor(SCALE_WEIGHTS[:scales], dtype=torch.float64, device=one.device)
    weights = weights / weights.sum()
    values = []
    step = _at_a_time(one)
    for start in range(0, len(one), step):
        x, y = (part[start : start + step].double() for part in (one, two))
        result = torch.ones((), dtype=torch.float64, device=x.device)
        for scale, weight in enumerate(weights):
            luminance, structure = _terms(x, y, WINDOWS["gaussian"], DATA_RANGE)
            here = structure if scale + 1 < scales else luminance * structure
            result = result * _inner_mean(here, RADIUS).clamp_min(0) ** weight
            x, y = F.avg_pool2d(x, 2), F.avg_pool2d(y, 2)
        values.append(result.mean(dim=1).cpu())
    return torch.cat(values)


def _pair(first: Array, second: Array) -> tuple[Tensor, Tensor]:
    one, two = checked_images("first", first), checked_images("second", second)
    check_same_shape("both images", one, two)
    return one, two.to(one.device)


def _window(name: str) -> Window:
    if name not in WINDOWS:
        raise UserError(f"window must be one of {', '.join(WINDOWS)}, got {name!r}")
    return WINDOWS[name]


def _at_a_time(images: Tensor) -> int:
    return max(_MEMORY_PIXELS // images[0].numel(), 1)


def _inner_mean(maps: Tensor, radius: int) -> Float[Tensor, "image channel"]:
    """The mean where the window lies within the image."""
    return maps[..., radius : maps.shape[-2] - radius, radius : maps.shape[-1] - radius].mean(dim=(-2, -1))


def _terms(x: Tensor, y: Tensor, window: Window, data_range: float) -> tuple[Tensor, Tensor]:
    """Luminance, and contrast and structure, of each pixel and channel; SSIM is their product."""
    return _similar(_moments(x, window), _moments(y, window), _smoothed(x * y, window), window, data_range)


def _similar(
    of_x: tuple[Tensor, Tensor], of_y: tuple[Tensor, Tensor], product: Tensor, window: Window, data_range: float
) -> tuple[Tensor, Tensor]:
    """`_terms` from the moments of both and the local means of their product."""
    (mean_x, variance_x), (mean_y, variance_y) = of_x, of_y
    means = mean_x * mean_y
    covariance = window.unbiased * (product - means)
    c1, c2 = (K1 * data_range) ** 2, (K2 * data_range) ** 2
    luminance = (2 * means + c1) / (mean_x**2 + mean_y**2 + c1)
    return luminance, (2 * covariance + c2) / (variance_x + variance_y + c2)


def _moments(x: Tensor, window: Window) -> tuple[Tensor, Tensor]:
    """Mean and variance around each pixel. float64 throughout: variances are differences of squares."""
    mean = _smoothed(x, window)
    return mean, window.unbiased * (_smoothed(x * x, window) - mean**2)


def _smoothed(x: Tensor, window: Window) -> Tensor:
    """The mean around each pixel."""
    side, (height, width) = 2 * window.radius + 1, x.shape[-2:]
    if min(height, width) < side:
        raise UserError(f"SSIM needs images of at least {side} x {side} pixels, got {height} x {width}")
    return _smoothing(height, window).to(x) @ x @ _smoothing(width, window).to(x).T


def _smoothing(size: int, window: Window) -> Tensor:
    """`[size, size]` float64: row i holds the window around place i; borders are mirrored (c b a | a b c).

    As a matrix product the two passes run at the machine's full rate, which a convolution of one channel does not.
    """
    offsets = torch.arange(-window.radius, window.radius + 1)
    kernel = torch.ones(len(offsets), dtype=torch.float64)
    if window.sigma is not None:
        kernel = torch.exp(-0.5 * (offsets.double() / window.sigma) ** 2)
    beyond = (torch.arange(size)[:, None] + offsets).remainder(2 * size)
    mirrored = torch.minimum(beyond, 2 * size - 1 - beyond)
    result = torch.zeros(size, size, dtype=torch.float64)
    return result.scatter_add_(1, mirrored, (kernel / kernel.sum()).expand(size, -1))
