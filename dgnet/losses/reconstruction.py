"""L1 reconstruction of images and codes."""

import torch
from jaxtyping import Float
from torch import Tensor

from dgnet.losses.halves import mean_per_half


def reconstruction_loss(made: Float[Tensor, "batch ..."], target: Float[Tensor, "batch ..."]) -> Float[Tensor, "2"]:
    """Mean absolute difference per half, in float32 at least. Gradient goes to `made` only."""
    dtype = torch.promote_types(made.dtype, torch.float32)
    return mean_per_half((made.to(dtype) - target.detach().to(dtype)).abs())
