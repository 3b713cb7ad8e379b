"""Sharpness against a true image: how strong the gradients are, and whether they are where the truth has them.

PSNR does not tell a sharp image from a blurred one: where a shape is uncertain, the mean of all possible images has the
highest. Two figures of the gradients do. Blurred images have too little energy, noisy ones too much, and edges in wrong
places have the energy without the correlation.

The gradient is that of the brightness (the mean of the three channels), by differences between neighboring pixels, to
the right and downwards. Central differences would not see a checkerboard of single pixels, which decoders can leave. A
difference counts with the mean of the outline's weights at its two pixels: inside the person fully, across the rim
about half, beyond it not at all.
"""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from dgnet.core.errors import UserError, check_count
from eval.arrays import Array, check_same_shape, checked_images, checked_outlines


@dataclass(frozen=True)
class GradientFidelity:
    """The two figures of each pair, float64 `[pair]`."""

    energy: np.ndarray = field(repr=False)  # from 0; 1: as much as the truth has, below: blurred, above: noisy
    correlation: np.ndarray = field(repr=False)  # -1..1; 1: every edge where the truth has it


def gradient_fidelity(images: Array, truths: Array, outlines: Array, *, batch: int = 64) -> GradientFidelity:
    """The gradients of `images` against those of `truths` inside `outlines`.

    With the differences d of an image, t of its truth, over both directions and all pixels, and their weights w:
    the energy is sum(w d^2) / sum(w t^2), the correlation sum(w d t) / sqrt(sum(w d^2) sum(w t^2)), and 0 for an image
    without any gradient. No mean is subtracted: an even slope, as of light, is a gradient too.

    Args:
        images: uint8 `[pair, 3, height, width]` (NumPy also `[pair, height, width, 3]`).
        truths: likewise, of the same shape.
        outlines: weights 0..1 `[pair, height, width]`.
        batch: pairs that are in memory as float64 at once; it changes no figure.

    Raises:
        UserError: other types or shapes, or a truth without any gradient inside its outline.

    Example:
        >>> truth = np.random.default_rng(0).integers(0, 128, (1, 3, 8, 8), np.uint8)
        >>> result = gradient_fidelity(2 * truth, truth, np.ones((1, 8, 8)))
        >>> result.energy.round(6).tolist(), result.correlation.round(6).tolist()
        ([4.0], [1.0])
    """
    check_count("batch", batch)
    ours, theirs = checked_images("images", images), checked_images("truths", truths)
    check_same_shape("images and truths", ours, theirs)
    weights = checked_outlines("outlines", outlines, ours)
    energy, correlation = [], []
    for start in range(0, len(ours), batch):
        part = slice(start, start + batch)
        d, t = _differences(ours[part]), _differences(theirs[part].to(ours.device))
        w = _pair_means(weights[part])
        own, true, both = ((w * product).sum(dim=1) for product in (d * d, t * t, d * t))
        if bool((true == 0).any()):
            raise UserError(f"truth {start + int((true == 0).nonzero()[0])} must have gradients inside its outline")
        energy.append(own / true)
        correlation.append(both / torch.where(own > 0, (own * true).sqrt(), 1.0))
    return GradientFidelity(torch.cat(energy).cpu().numpy(), torch.cat(correlation).cpu().numpy())


def _differences(images: Tensor) -> Tensor:
    """`[pair, difference]` of the brightness: all to the right, then all downwards."""
    brightness = images.double().mean(dim=1)
    return torch.cat([brightness.diff(dim=2).flatten(1), brightness.diff(dim=1).flatten(1)], dim=1)


def _pair_means(weights: Tensor) -> Tensor:
    """The mean weight of the two pixels of each difference, in the order of `_differences`."""
    right, down = weights[:, :, 1:] + weights[:, :, :-1], weights[:, 1:] + weights[:, :-1]
    return torch.cat([right.flatten(1), down.flatten(1)], dim=1) / 2
