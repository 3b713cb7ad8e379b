"""Guided upsampling: a small color image takes its edges from a sharp gray image of the same scene.

Within a window the colors of a small image are nearly a linear function of its gray guide (He, Sun and Tang, "Guided
Image Filtering", ECCV 2010, Eq. 5). The slope of that function changes slowly, so it can be computed where the colors
are known, at the low resolution, and applied to the detail of the guide at the high one. Where the new colors are
brighter than what is around them while those of the guide are darker, the slope is negative and inverts the edge.
"""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from dgnet.layers.padding import pad

# The regularization epsilon of the paper, in squared standard deviations of a pixel: below it the guide counts as flat.
EPSILON = 0.05


def local_slopes(
    images: Float[Tensor, "batch channel height width"], guide: Float[Tensor, "batch 1 height width"]
) -> Float[Tensor, "batch channel height width"]:
    """The slope of each channel against the guide in the 3x3 window of each pixel: covariance / (variance + EPSILON).

    >>> import torch
    >>> guide = torch.rand(1, 1, 4, 4)
    >>> bool((local_slopes(3 * guide, guide) <= 3).all())
    True
    """
    mean, guide_mean = _window_mean(images), _window_mean(guide)
    covariance = _window_mean(images * guide) - mean * guide_mean
    variance = _window_mean(guide.square()) - guide_mean.square()
    return covariance / (variance + EPSILON)


def guided_detail(
    images: Float[Tensor, "batch channel height width"],
    guide: Float[Tensor, "batch 1 height width"],
    fine_guide: Float[Tensor, "batch 1 2*height 2*width"],
) -> Float[Tensor, "batch channel 2*height 2*width"]:
    """What to add to `images` after a bilinear upsampling by two, so that its edges are those of `fine_guide`.

    `guide` is `fine_guide` at the resolution of `images`.
    """
    return upsampled(local_slopes(images, guide)) * (fine_guide - upsampled(guide))


def upsampled(images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch channel 2*height 2*width"]:
    """Bilinear upsampling by two."""
    return F.interpolate(images, scale_factor=2.0, mode="bilinear", align_corners=False)


def _window_mean(images: Tensor) -> Tensor:
    return F.avg_pool2d(pad(images, 1, "replicate"), 3, stride=1)
