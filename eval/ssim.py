"""SSIM as a map: Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004."""

import torch
import torch.nn.functional as F
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
    """Gaussian mean of each channel; the border repeats its edge pixel mirrored (d c b a | a b c d)."""
    offsets = torch.arange(-RADIUS, RADIUS + 1, dtype=planes.dtype, device=planes.device)
    kernel = torch.exp(-0.5 * (offsets / SIGMA) ** 2)
    kernel = kernel / kernel.sum()
    flat = planes.flatten(0, 1)[:, None]
    for dim, shape in ((2, (1, 1, -1, 1)), (3, (1, 1, 1, -1))):
        size = flat.shape[dim]
        inside = torch.arange(-RADIUS, size + RADIUS, device=planes.device).remainder(2 * size)
        mirrored = torch.minimum(inside, 2 * size - 1 - inside)
        flat = F.conv2d(flat.index_select(dim, mirrored), kernel.view(shape))
    return flat.view_as(planes)
