"""Convolutions of many channels and few pixels as matrix products (CPU).

The last stages of a ResNet have hundreds of channels in a few pixels. There oneDNN spends most of its time on copies of
weights and weight gradients in layouts of its own. As products of matrices, where an output pixel is a row with the
inputs of its window as columns (im2col), all three passes need no such copies.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def convolve(
    x: Float[Tensor, "batch in_channel height width"],
    weight: Float[Tensor, "out_channel in_channel kernel_height kernel_width"],
    bias: Float[Tensor, "out_channel"] | None,
    stride: tuple[int, ...],
    padding: tuple[int, ...],
) -> Float[Tensor, "batch out_channel _ _"]:
    """As `F.conv2d`; in the channels_last layout."""
    windows = _windows(x, weight, stride, padding)
    rows, kernels = windows.flatten(0, 2).flatten(1), _kernels(weight)
    y = rows @ kernels.T if bias is None else torch.addmm(bias, rows, kernels.T)
    return y.view(*windows.shape[:3], -1).permute(0, 3, 1, 2)


def weight_gradient(
    grad: Float[Tensor, "batch out_channel _ _"],
    x: Float[Tensor, "batch in_channel height width"],
    weight: Float[Tensor, "out_channel in_channel kernel_height kernel_width"],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
) -> Float[Tensor, "out_channel in_channel kernel_height kernel_width"]:
    """The gradient of `weight`."""
    rows = _windows(x, weight, stride, padding).flatten(0, 2).flatten(1)
    out_channels, in_channels, high, wide = weight.shape
    product = _pixels(grad).flatten(0, 2).T @ rows
    return product.view(out_channels, high, wide, in_channels).permute(0, 3, 1, 2)


def input_gradient(
    grad: Float[Tensor, "batch out_channel _ _"],
    x: Float[Tensor, "batch in_channel height width"],
    weight: Float[Tensor, "out_channel in_channel kernel_height kernel_width"],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
) -> Float[Tensor, "batch in_channel height width"]:
    """The gradient of `x`."""
    pixels = _pixels(grad)
    batch, rows, columns, _ = pixels.shape
    _, channels, high, wide = weight.shape
    taps = (pixels.flatten(0, 2) @ _kernels(weight)).view(batch, rows, columns, high, wide, channels)
    if (high, wide, *stride) == (1, 1, 1, 1) and not any(padding):
        return taps[:, :, :, 0, 0].permute(0, 3, 1, 2)
    (top, left), (height, width) = padding, x.shape[2:]
    # Sums of up to nine taps: float32 at least.
    dtype = torch.promote_types(taps.dtype, torch.float32)
    total = taps.new_zeros(batch, height + 2 * top, width + 2 * left, channels, dtype=dtype)
    down, right = stride
    for row in range(high):
        for column in range(wide):
            total[:, row : row + down * rows : down, column : column + right * columns : right] += taps[
                :, :, :, row, column
            ]
    return total[:, top : top + height, left : left + width].to(taps.dtype).permute(0, 3, 1, 2)


def _windows(x: Tensor, weight: Tensor, stride: tuple[int, ...], padding: tuple[int, ...]) -> Tensor:
    """What each output pixel sees, `[batch, height, width, kernel_height, kernel_width, in_channel]`: a view."""
    (down, right), (top, left), (high, wide) = stride, padding, weight.shape[2:]
    padded = F.pad(_pixels(x), (0, 0, left, left, top, top))
    return padded.unfold(1, high, down).unfold(2, wide, right).permute(0, 1, 2, 4, 5, 3)


def _pixels(x: Tensor) -> Tensor:
    """`[batch, channel, height, width]` -> `[batch, height, width, channel]`, contiguous."""
    return x.permute(0, 2, 3, 1).contiguous()


def _kernels(weight: Tensor) -> Tensor:
    """`[out, in, height, width]` -> `[out, height * width * in]`; a view of channels_last weights."""
    return weight.permute(0, 2, 3, 1).flatten(1)
