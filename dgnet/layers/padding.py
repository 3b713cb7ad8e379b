"""Padding in the precision of the image.

torch's gradient of a padded image adds up in any order on a GPU. Where the same bits are asked for
(`torch.use_deterministic_algorithms`) the same padding is put together from slices.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

PadMode = Literal["reflect", "replicate"]


def pad(x: Tensor, size: int, mode: PadMode) -> Tensor:
    """`size` more pixels on each of the four sides of `[..., height, width]`.

    On a CPU autocast would pad in float32: two casts of the whole image for nothing.
    """
    if size == 0:
        return x
    if torch.are_deterministic_algorithms_enabled():
        return _extended(_extended(x, size, mode, -1), size, mode, -2)
    with torch.autocast(x.device.type, enabled=False):
        return F.pad(x, (size, size, size, size), mode=mode)


def pad_line(x: Tensor, size: int, mode: PadMode) -> Tensor:
    """`size` more numbers at both ends of the last dimension of `[batch, channel, length]`."""
    if torch.are_deterministic_algorithms_enabled():
        return _extended(x, size, mode, -1)
    return F.pad(x, (size, size), mode=mode)


def replicated_gradient(grad: Tensor, x: Tensor) -> Tensor:
    """The gradient of `x` where `pad(x, 1, "replicate")` has the gradient `grad`."""
    if not torch.are_deterministic_algorithms_enabled():
        return torch.ops.aten.replication_pad2d_backward(grad, x, [1, 1, 1, 1])
    for dim in (-2, -1):
        inner = grad.narrow(dim, 1, grad.shape[dim] - 2).clone()
        inner.select(dim, 0).add_(grad.select(dim, 0))
        inner.select(dim, -1).add_(grad.select(dim, -1))
        grad = inner
    return grad


def _extended(x: Tensor, size: int, mode: PadMode, dim: int) -> Tensor:
    if mode == "reflect":
        length = x.shape[dim]
        first, last = x.narrow(dim, 1, size).flip(dim), x.narrow(dim, length - 1 - size, size).flip(dim)
    else:
        first, last = (x.narrow(dim, place, 1).repeat_interleave(size, dim) for place in (0, x.shape[dim] - 1))
    return torch.cat([first, x, last], dim)
