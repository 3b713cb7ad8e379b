"""Peak signal-to-noise ratio of pairs of images."""

import torch
from jaxtyping import Float
from torch import Tensor

from eval.arrays import Array, check_same_shape, checked_images


def psnr(first: Array, second: Array) -> Float[Tensor, " image"]:
    """10 log10(255^2 / mean squared difference) in dB of each pair of uint8 images `[image, 3, height, width]`.

    float64, on the CPU; infinite where both agree exactly.
    """
    one, two = checked_images("first", first), checked_images("second", second)
    check_same_shape("both images", one, two)
    errors = [(x.double() - y.to(x.device).double()).square().mean().cpu() for x, y in zip(one, two, strict=True)]
    return 10 * torch.log10(255**2 / torch.stack(errors))
