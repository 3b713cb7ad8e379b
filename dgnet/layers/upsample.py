"""Nearest upsampling by two followed by a 5x5 convolution, done at the low resolution.

Every pixel appears twice in each direction of the upsampled image, so the 25 taps of the convolution read only 3x3
different pixels: for each of the four positions inside a 2x2 cell (even or odd row, even or odd column) the taps that
fall on the same pixel add up to one 3x3 kernel. Four 3x3 convolutions at a quarter of the pixels make 36 products where
the 5x5 one makes 100. In one dimension, with taps w0..w4 around an output in cell i:

    even:  (w0 + w1) x[i-1] + (w2 + w3) x[i] +       w4  x[i+1]
    odd:         w0  x[i-1] + (w1 + w2) x[i] + (w3 + w4) x[i+1]

Reflect padding of the *upsampled* image by two reads, beyond the border, first the border pixel and then its inner
neighbor. Replicate padding of the low-resolution image agrees with that everywhere but in one tap of the outermost
rows and columns, which is corrected by four one-dimensional convolutions of the difference of the two outermost lines.
"""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from dgnet.core.device_copies import constant
from dgnet.layers.conv2d import conv2d
from dgnet.layers.padding import PadMode, pad, pad_line, replicated_gradient

_EVEN = ((1, 1, 0, 0, 0), (0, 0, 1, 1, 0), (0, 0, 0, 0, 1))
_ODD = ((1, 0, 0, 0, 0), (0, 1, 1, 0, 0), (0, 0, 0, 1, 1))

# Dimension, outermost line, its inner neighbor: top, bottom, left, right.
_SIDES = ((2, 0, 1), (2, -1, -2), (3, 0, 1), (3, -1, -2))


class _PadAndDifferences(torch.autograd.Function):
    """The image padded by one (replicate), and on each side its second line less the outermost.

    In one function the gradients of the lines are added in place; autograd would surround each with an image of zeros.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, ...]:
        ctx.save_for_backward(x)
        lines = (x.select(dim, inner) - x.select(dim, outer) for dim, outer, inner in _SIDES)
        return pad(x, 1, "replicate"), *lines

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        padded, *lines = grads
        grad = replicated_gradient(padded, *ctx.saved_tensors)
        for (dim, outer, inner), line in zip(_SIDES, lines, strict=True):
            grad.select(dim, inner).add_(line)
            grad.select(dim, outer).sub_(line)
        return grad


class _Assemble(torch.autograd.Function):
    """`[batch, 4 * channel, height, width]`, phases outermost -> `[batch, channel, 2*height, 2*width]`, plus its edges.

    `F.pixel_shuffle` wants the phases innermost and so moves single numbers; here whole pixels of channels_last move.
    """

    @staticmethod
    def forward(ctx: Any, phases: Tensor, *lines: Tensor) -> Tensor:
        batch, channels, high, wide = phases.shape
        cells = phases.permute(0, 2, 3, 1).reshape(batch, high, wide, 2, 2, channels // 4).transpose(2, 3)
        y = cells.reshape(batch, 2 * high, 2 * wide, channels // 4).permute(0, 3, 1, 2)
        for (dim, outer, _), line in zip(_SIDES, lines, strict=True):
            y.select(dim, outer).add_(line)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, ...]:
        grad = grads[0]
        batch, channels, high, wide = grad.shape
        cells = grad.permute(0, 2, 3, 1).reshape(batch, high // 2, 2, wide // 2, 2, channels).transpose(2, 3)
        phases = cells.reshape(batch, high // 2, wide // 2, 4 * channels).permute(0, 3, 1, 2)
        return phases, *(grad.select(dim, outer) for dim, outer, _ in _SIDES)


def _phase_kernels(weight: Tensor) -> Tensor:
    """`[out, in, 5, 5]` -> `[4 * out, in, 3, 3]`, phases (even or odd row, column) outermost."""
    folds = constant((_EVEN, _ODD), weight)
    kernels = torch.einsum("oiyx,pay,qbx->pqoiab", weight, folds, folds)
    return kernels.reshape(-1, weight.shape[1], 3, 3)


def _border_line(line: Tensor, taps: Tensor, mode: PadMode) -> Tensor:
    """One-dimensional convolution of an upsampled line `[batch, in, length]` with `taps` `[out, in, 5]`."""
    return F.conv1d(pad_line(line.repeat_interleave(2, dim=2), 2, mode), taps)


def upsampled_convolution(
    x: Float[Tensor, "batch in_channel height width"],
    weight: Float[Tensor, "out_channel in_channel 5 5"],
    bias: Float[Tensor, "out_channel"],
) -> Float[Tensor, "batch out_channel 2*height 2*width"]:
    """Equal to `conv2d(pad(upsample(x, 2, "nearest"), 2, "reflect"), weight, bias)`, with 36 % of its products."""
    padded, top, bottom, left, right = _PadAndDifferences.apply(x)
    phases = conv2d(padded, _phase_kernels(weight), bias.repeat(4))
    # Rows first, with columns reflected as they should be; then columns, over rows as the replicate padding has them.
    return _Assemble.apply(
        phases,
        _border_line(top, weight[:, :, 0], "reflect"),
        _border_line(bottom, weight[:, :, 4], "reflect"),
        _border_line(left, weight[:, :, :, 0], "replicate"),
        _border_line(right, weight[:, :, :, 4], "replicate"),
    )
