"""The arithmetic of a convolution and of its gradients by the fastest exact way at hand.

On a CPU a 1x1 convolution in half precision is faster as a matrix product, and a 3x3 one of many channels in float32 by
Winograd's sums (where small functions are compiled). Everything else is torch's own convolution.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from dgnet.layers import winograd
from dgnet.layers.compiled import compiling

# Below, the sums over memory cost what the saved products gain.
_WINOGRAD_CHANNELS = 64
Pair = tuple[int, ...]
# Stride, padding, dilation.
Geometry = tuple[Pair, Pair, Pair]


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
    """`F.conv2d` without groups."""
    if _is_product(x, weight, geometry):
        return _image(F.linear(_rows(x), weight.flatten(1), bias), x)
    if _suits_winograd(x, weight, geometry):
        y = winograd.convolve(x, weight, geometry[1][0])
        return y if bias is None else y.add_(bias[:, None, None])
    return F.conv2d(x, weight, bias, *geometry)


def gradients(
    grad: Tensor, x: Tensor, weight: Tensor, geometry: Geometry, wanted: Sequence[bool]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Of `convolve`'s input, weight and bias, as far as `wanted`."""
    by_input, by_weight, by_bias = wanted
    if _is_product(x, weight, geometry):
        rows = _rows(grad)
        return (
            _image(rows @ weight.flatten(1), grad) if by_input else None,
            (rows.T @ _rows(x)).view_as(weight) if by_weight else None,
            rows.sum(0) if by_bias else None,
        )
    if _suits_winograd(x, weight, geometry):
        return (
            winograd.input_gradient(grad, weight, geometry[1][0]) if by_input else None,
            winograd.weight_gradient(grad, x, geometry[1][0]) if by_weight else None,
            grad.sum((0, 2, 3)) if by_bias else None,
        )
    return torch.ops.aten.convolution_backward(
        grad, x, weight, [len(weight)], *geometry, False, [0, 0], 1, list(wanted)
    )


def _rows(x: Tensor) -> Tensor:
    """`[batch, channel, height, width]` -> `[batch * height * width, channel]`, a view in channels_last."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def _image(rows: Tensor, like: Tensor) -> Tensor:
    return rows.view(len(like), *like.shape[2:], -1).permute(0, 3, 1, 2)


def _is_product(x: Tensor, weight: Tensor, geometry: Geometry) -> bool:
    stride, padding, _ = geometry
    return (
        x.device.type == "cpu"
        and x.dtype in (torch.bfloat16, torch.float16)
        and tuple(weight.shape[2:]) == (1, 1)
        and stride == (1, 1)
        and padding == (0, 0)
        and x.is_contiguous(memory_format=torch.channels_last)
    )


def _suits_winograd(x: Tensor, weight: Tensor, geometry: Geometry) -> bool:
    stride, padding, dilation = geometry
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and compiling()
        and tuple(weight.shape[2:]) == (3, 3)
        and min(weight.shape[:2]) >= _WINOGRAD_CHANNELS
        and stride == dilation == (1, 1)
        and padding in ((0, 0), (1, 1))
        and x.is_contiguous(memory_format=torch.channels_last)
    )
