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
