"""Reconstruction of images and codes."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from dgnet.losses.per_half import mean_per_half

ReconstructionNorm = Literal["l1", "l2"]


def reconstruction_loss(
    prediction: Float[Tensor, "batch ..."], target: Float[Tensor, "batch ..."], norm: ReconstructionNorm = "l1"
) -> Float[Tensor, "2"]:
    """Mean absolute ("l1") or squared ("l2") difference per half, in float32 at least; no gradient for `target`."""
    dtype = torch.promote_types(prediction.dtype, torch.float32)
    difference = prediction.to(dtype) - target.detach().to(dtype)
    return mean_per_half(difference.abs() if norm == "l1" else difference.square())


def image_reconstruction_loss(
    prediction: Float[Tensor, "batch 3 height width"],
    target: Float[Tensor, "batch 3 height width"],
    norm: ReconstructionNorm = "l1",
    edge_weight: float = 0.0,
) -> Float[Tensor, "2"]:
    """`reconstruction_loss` of the pixels, and `edge_weight` times that of the differences between neighboring pixels,
    in rows and in columns: the gradient difference loss of Mathieu, Couprie and LeCun (ICLR 2016, Eq. 6) with signs.

    Example:
        >>> image = torch.rand(2, 3, 8, 8)
        >>> image_reconstruction_loss(image + 1, image, edge_weight=9.0)  # every pixel is wrong, no edge
        tensor([1.0000, 1.0000])
    """
    loss = reconstruction_loss(prediction, target, norm)
    if edge_weight > 0:
        for dim in (2, 3):
            loss = loss + edge_weight * reconstruction_loss(prediction.diff(dim=dim), target.diff(dim=dim), norm)
    return loss
