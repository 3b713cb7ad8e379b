"""Nearest upsampling by two followed by a 5x5 convolution, done at the low resolution.

Every pixel of the upsampled image stands twice in each direction, so the 25 taps of the convolution read only 3x3
different pixels: for each of the four positions inside a 2x2 cell (even or odd row, even or odd column) the taps that
fall on the same pixel add up to one 3x3 kernel. Four 3x3 convolutions at a quarter of the pixels make 36 products where
the 5x5 one makes 100. In one dimension, with taps w0..w4 around an output in cell i:

    even:  (w0 + w1) x[i-1] + (w2 + w3) x[i] +       w4  x[i+1]
    odd:         w0  x[i-1] + (w1 + w2) x[i] + (w3 + w4) x[i+1]

Reflect padding of the *upsampled* image by two reads, beyond the border, first the border pixel and then its inner
neighbour. Replicate padding of the low-resolution image agrees with that everywhere but in one tap of the outermost
rows and columns, which is corrected by four one-dimensional convolutions of the difference of the two outermost lines.
"""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from dgnet.layers.padding import pad
from dgnet.layers.twice import twice_differentiable_convolution

_EVEN = ((1, 1, 0, 0, 0), (0, 0, 1, 1, 0), (0, 0, 0, 0, 1))
_ODD = ((1, 0, 0, 0, 0), (0, 1, 1, 0, 0), (0, 0, 0, 1, 1))


class _AddToBorder(torch.autograd.Function):
    """`y` with lines added to its four borders, in place; slice assignments would copy the gradient four times."""

    @staticmethod
    def forward(ctx: Any, y: Tensor, top: Tensor, bottom: Tensor, left: Tensor, right: Tensor) -> Tensor:
        ctx.mark_dirty(y)
        y[:, :, 0] += top
        y[:, :, -1] += bottom
        y[:, :, :, 0] += left
        y[:, :, :, -1] += right
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, ...]:
        grad = grads[0]
        return grad, grad[:, :, 0], grad[:, :, -1], grad[:, :, :, 0], grad[:, :, :, -1]


def _phase_kernels(weight: Tensor) -> Tensor:
    """`[out, in, 5, 5]` -> `[out * 4, in, 3, 3]`, phases (even or odd row, column) innermost for pixel_shuffle."""
    folds = torch.tensor([_EVEN, _ODD], dtype=weight.dtype, device=weight.device)
    kernels = torch.einsum("oiyx,pay,qbx->opqiab", weight, folds, folds)
    return kernels.reshape(-1, weight.shape[1], 3, 3)


def _border_line(line: Tensor, taps: Tensor, mode: str) -> Tensor:
    """One-dimensional convolution of an upsampled line `[batch, in, length]` with `taps` `[out, in, 5]`."""
    wide = F.pad(line.repeat_interleave(2, dim=2), (2, 2), mode=mode)
    return F.conv1d(wide, taps)


def upsampled_convolution(
    x: Float[Tensor, "batch in_channel height width"],
    weight: Float[Tensor, "out_channel in_channel 5 5"],
    bias: Float[Tensor, "out_channel"],
) -> Float[Tensor, "batch out_channel 2*height 2*width"]:
    """Equal to `conv2d(pad(upsample(x, 2, "nearest"), 2, "reflect"), weight, bias)`, with 36 % of its products."""
    kernels, biases = _phase_kernels(weight), bias.repeat_interleave(4)
    phases = twice_differentiable_convolution(pad(x, 1, "replicate"), kernels, biases)
    y = F.pixel_shuffle(phases, 2)
    # Rows first, with columns reflected as they should be; then columns, over rows as the replicate padding has them.
    top = _border_line(x[:, :, 1] - x[:, :, 0], weight[:, :, 0], "reflect")
    bottom = _border_line(x[:, :, -2] - x[:, :, -1], weight[:, :, 4], "reflect")
    left = _border_line(x[:, :, :, 1] - x[:, :, :, 0], weight[:, :, :, 0], "replicate")
    right = _border_line(x[:, :, :, -2] - x[:, :, :, -1], weight[:, :, :, 4], "replicate")
    return _AddToBorder.apply(y, top, bottom, left, right)
