"""How strong the gradients of generated images are beside those of real ones."""

import torch
from jaxtyping import Float
from torch import Tensor

from dgnet.losses.per_half import mean_per_half

# Added to both energies, in squared standard deviations of a channel: an image without any gradient has a logarithm.
EPSILON = 1e-4


def sharpness_loss(
    images: Float[Tensor, "batch 3 height width"], real: Float[Tensor, "batch 3 height width"]
) -> Float[Tensor, "2"]:
    """Squared logarithm of the ratio of gradient energies per half of the batch, in float32 at least.

    The energy is the mean squared difference between neighboring pixels of the gray image, over all images of a half: a
    mean, so that a blurred image may stand beside a sharp one. An image of squared error least, the mean of all images
    that are possible, has too little of it. With part colors it is mostly the gain of the detail that grows.

    Example:
        >>> image = torch.rand(2, 3, 8, 8)
        >>> sharpness_loss(image, image)
        tensor([0., 0.])
    """
    ours, theirs = _energy(images), _energy(real.detach())
    return ((ours + EPSILON) / (theirs + EPSILON)).log().square()


def _energy(images: Tensor) -> Float[Tensor, "2"]:
    gray = images.to(torch.promote_types(images.dtype, torch.float32)).mean(dim=1)
    return mean_per_half(gray.diff(dim=-1).square()) + mean_per_half(gray.diff(dim=-2).square())
