"""2-D convolution: torch's own, or on a CPU Winograd's sums or matrix products where these are faster.

Winograd's sums are for 3x3 convolutions of many channels in float32, where small functions are compiled
(`run.compile`); matrix products for the training of layers with many channels and few pixels. Everywhere else, on a GPU
too, `conv2d` is `F.conv2d`, with a cheaper second derivative on a CPU.
"""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from dgnet.layers import few_pixels, winograd
from dgnet.layers.compiled import compiling
from dgnet.layers.double_backward import differentiable_gradients, twice_differentiable

# With fewer channels the sums over memory cost what the saved products gain.
WINOGRAD_CHANNELS = 64
# Output pixels of a batch for each output channel: with more, oneDNN's convolutions are as fast as matrix products.
FEW_PIXELS = 2
Pair = tuple[int, ...]


class _FewPixelsConvolution(torch.autograd.Function):
    """A convolution without dilation and its gradients by matrix products."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, padding: Pair) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = stride, padding
        return few_pixels.convolve(x, weight, bias, stride, padding)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,), (x, weight) = grads, ctx.saved_tensors
        if torch.is_grad_enabled():
            return *differentiable_gradients(ctx, grad, x, weight, (*ctx.geometry, (1, 1))), None, None
        by_input, by_weight, by_bias, *_ = ctx.needs_input_grad
        return (
            few_pixels.input_gradient(grad, x, weight, *ctx.geometry) if by_input else None,
            few_pixels.weight_gradient(grad, x, weight, *ctx.geometry) if by_weight else None,
            grad.sum((0, 2, 3)) if by_bias else None,
            None,
            None,
        )


class _WinogradConvolution(torch.autograd.Function):
    """A 3x3 convolution with stride 1 and its gradients by Winograd's sums."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.padding = padding
        y = winograd.convolve(x, weight, padding)
        return y if bias is None else y.add_(bias[:, None, None])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (grad,), (x, weight), padding = grads, ctx.saved_tensors, ctx.padding
        if torch.is_grad_enabled():
            geometry = (1, 1), (padding, padding), (1, 1)
            return *differentiable_gradients(ctx, grad, x, weight, geometry), None
        by_input, by_weight, by_bias, _ = ctx.needs_input_grad
        return (
            winograd.input_gradient(grad, weight, padding) if by_input else None,
            winograd.weight_gradient(grad, x, padding) if by_weight else None,
            grad.sum((0, 2, 3)) if by_bias else None,
            None,
        )


def conv2d(
    x: Float[Tensor, "batch in_channel height width"],
    weight: Float[Tensor, "out_channel in_channel kernel_height kernel_width"],
    bias: Float[Tensor, "out_channel"] | None = None,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
) -> Float[Tensor, "batch out_channel _ _"]:
    """`F.conv2d` without groups, padded with zeros; as often differentiable."""
    if _suits_winograd(x, weight, stride, padding, dilation):
        return _WinogradConvolution.apply(x.view_as(x), weight.view_as(weight), bias, padding[0])
    if _has_few_pixels(x, weight, stride, padding, dilation):
        if torch.is_autocast_enabled("cpu"):
            dtype = torch.get_autocast_dtype("cpu")
            x, weight, bias = x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype)
        with torch.autocast("cpu", enabled=False):
            return _FewPixelsConvolution.apply(x.view_as(x), weight.view_as(weight), bias, stride, padding)
    if _may_be_penalized(x, weight):
        return twice_differentiable(x, weight, bias, (stride, padding, dilation))
    return F.conv2d(x, weight, bias, stride, padding, dilation)


class Conv2d(nn.Conv2d):
    """`nn.Conv2d` without groups, padded with zeros, by `conv2d`. Its state dict is that of `nn.Conv2d`.

    Example:
        >>> Conv2d(3, 8, 3, padding=1)(torch.zeros(2, 3, 16, 8)).shape
        torch.Size([2, 8, 16, 8])
    """

    @classmethod
    def like(cls, layer: nn.Conv2d) -> "Conv2d":
        """With the geometry and the very parameters of `layer`."""
        conv = cls(
            layer.in_channels,
            layer.out_channels,
            layer.kernel_size,  # type: ignore[arg-type]
            layer.stride,  # type: ignore[arg-type]
            layer.padding,  # type: ignore[arg-type]
            layer.dilation,  # type: ignore[arg-type]
            bias=layer.bias is not None,
            device="meta",
        )
        conv.weight, conv.bias = layer.weight, layer.bias
        return conv

    def forward(self, x: Tensor) -> Tensor:
        assert not isinstance(self.padding, str)
        return conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation)


def _suits_winograd(x: Tensor, weight: Tensor, stride: Pair, padding: Pair, dilation: Pair) -> bool:
    return (
        compiling()
        and x.device.type == "cpu"
        and x.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and tuple(weight.shape[2:]) == (3, 3)
        and min(weight.shape[:2]) >= WINOGRAD_CHANNELS
        and stride == dilation == (1, 1)
        and padding in ((0, 0), (1, 1))
        and x.is_contiguous(memory_format=torch.channels_last)
    )


def _has_few_pixels(x: Tensor, weight: Tensor, stride: Pair, padding: Pair, dilation: Pair) -> bool:
    """In training only: whatever the batch, what is computed without gradients takes the same sums."""
    if not _trains_on_cpu(x) or dilation != (1, 1):
        return False
    pixels = len(x)
    for side, kernel, step, border in zip(x.shape[2:], weight.shape[2:], stride, padding, strict=True):
        pixels *= (side + 2 * border - kernel) // step + 1
    return pixels < FEW_PIXELS * len(weight) and x.is_contiguous(memory_format=torch.channels_last)


def _may_be_penalized(x: Tensor, weight: Tensor) -> bool:
    """Whether a gradient penalty may differentiate this pass twice: it takes none under autocast."""
    if not _trains_on_cpu(x) or torch.is_autocast_enabled("cpu"):
        return False
    return x.requires_grad and weight.requires_grad


def _trains_on_cpu(x: Tensor) -> bool:
    """Whether gradients may be asked for, on a CPU; not while a model is exported, which takes batches of any size."""
    return x.device.type == "cpu" and torch.is_grad_enabled() and not torch.compiler.is_compiling()
