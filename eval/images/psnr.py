"""Peak signal-to-noise ratio of pairs of images."""

import torch
from jaxtyping import Float
from torch import Tensor

from eval.arrays import Array, check_same_shape, checked_images


def psnr(first: Array, second: Array) -> Float[Tensor, " image"]:
    """10 log10(255^2 / mean squared difference) in dB of each pair of uint8 images `[image, 3, height, width]`.

    float64, on the CPU; infinite where both agree exactly. NumPy images may also be `[image, height, width, 3]`.
    `UserError` for other types and for two shapes.

    Example:
        >>> import numpy as np
        >>> from eval import psnr
        >>> black = np.zeros((1, 64, 32, 3), np.uint8)
        >>> round(float(psnr(black, black + 255)), 2)
        0.0
    """
    one, two = checked_images("first", first), checked_images("second", second)
    check_same_shape("both images", one, two)
    errors = [(x.double() - y.to(x.device).double()).square().mean().cpu() for x, y in zip(one, two, strict=True)]
    return 10 * torch.log10(255**2 / torch.stack(errors))
