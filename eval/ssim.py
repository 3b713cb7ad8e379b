"""SSIM as a map: Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004."""

import torch
from torch import Tensor

from eval.arrays import Array, check_same_shape, checked_images
from eval.errors import EvaluationError

SIGMA = 1.5
RADIUS = 5  # the gaussian is cut off at 3.5 sigma: a window of 11 x 11
K1, K2 = 0.01, 0.03
DATA_RANGE = 255.0


def ssim_map(first: Array, second: Array) -> Tensor:
    """The similarity -1..1 around each pixel, `[image, height, width]` float64, mean over the three channels.

    Both are uint8 images `[image, 3, height, width]`, at least 11 pixels high and wide. The same as scikit-image's
    `structural_similarity(..., gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255,
    full=True)`: population variances, borders mirrored. Its scalar is the mean over this map without the outermost 5
    pixels.
    """
    one, two = checked_images("first", first), checked_images("second", second)
    check_same_shape("both images", one, two)
    if min(one.shape[-2:]) < 2 * RADIUS + 1:
        raise EvaluationError(f"SSIM needs images of at least 11 x 11 pixels, got {one.shape[2]} x {one.shape[3]}")
    # float64: variances are differences of squares of up to 255^2.
    x, y = one.double(), two.to(one.device).double()
    mean_x, mean_y = _smooth(x), _smooth(y)
    variance_x, variance_y = _smooth(x * x) - mean_x**2, _smooth(y * y) - mean_y**2
    covariance = _smooth(x * y) - mean_x * mean_y
    c1, c2 = (K1 * DATA_RANGE) ** 2, (K2 * DATA_RANGE) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    contrast_and_structure = (2 * covariance + c2) / (variance_x + variance_y + c2)
    return (luminance * contrast_and_structure).mean(dim=1)


def _smooth(planes: Tensor) -> Tensor:
    """The gaussian mean around each pixel of the last two dimensions."""
    height, width = planes.shape[-2:]
    return _window(height).to(planes) @ planes @ _window(width).to(planes).T


def _window(size: int) -> Tensor:
    """`[size, size]` float64: row i holds the gaussian window around place i; borders are mirrored (c b a | a b c).

    As a matrix product the two passes run at the machine's full rate, which a convolution of one channel does not.
    """
    offsets = torch.arange(-RADIUS, RADIUS + 1)
    kernel = torch.exp(-0.5 * (offsets.double() / SIGMA) ** 2)
    beyond = (torch.arange(size)[:, None] + offsets).remainder(2 * size)
    mirrored = torch.minimum(beyond, 2 * size - 1 - beyond)
    window = torch.zeros(size, size, dtype=torch.float64)
    return window.scatter_add_(1, mirrored, (kernel / kernel.sum()).expand(size, -1))
