"""The three normalizations of DG-Net's generator, each with a closed-form backward pass.

Op by op, autograd keeps four to six full-size tensors per normalization and walks over memory as often; here the input,
the output and two numbers per row are kept, the backward pass is written out, and each pass is one small function that
can be compiled. All three are one operation,

    y = activation(scale * x + shift),    scale and shift constant over a plane (sample, channel),

that differ in the rows over which mean and variance are taken and in where gain and bias come from.
Inside, everything is float32 at least, whatever the precision of the image.
"""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from dgnet.layers.compiled import compiled

EPSILON = 1e-5
_PLANE = (2, 3)
_SAMPLE = (1, 2, 3)


def at_least_float32(x: Tensor) -> Tensor:
    """float32 at least."""
    return x if x.dtype == torch.float64 else x.float()


def _mean_and_variance(x: Tensor, dim: tuple[int, ...], correction: int) -> tuple[Tensor, Tensor]:
    """Of the rows of `x`, from one pass over memory.

    Sums of the row and of its square, both less its first pixel: without that, the variance of a nearly flat row would
    be the difference of two large numbers.
    """
    size, pivot = 1, x
    for d in dim:
        size, pivot = size * x.shape[d], pivot.narrow(d, 0, 1)
    centered = x - pivot
    mean = centered.sum(dim, keepdim=True) / size
    squares = (centered * centered).sum(dim, keepdim=True)
    return mean + pivot, (squares - size * mean * mean).clamp_min(0) / (size - correction)


def _affine_activated(x: Tensor, scale: Tensor, shift: Tensor, slope: float) -> Tensor:
    y = torch.addcmul(shift, at_least_float32(x), scale)
    return (y if slope == 1.0 else F.leaky_relu(y, slope)).to(x.dtype)


def _before_activation(grad: Tensor, y: Tensor | None, slope: float) -> Tensor:
    return (
        at_least_float32(grad)
        if y is None
        else torch.ops.aten.leaky_relu_backward(at_least_float32(grad), at_least_float32(y), slope, True)
    )


@compiled
def _plane_forward(x: Tensor, gain: Tensor | None, bias: Tensor | None, slope: float) -> tuple[Tensor, Tensor, Tensor]:
    mean, variance = _mean_and_variance(at_least_float32(x), _PLANE, 0)
    inverse_deviation = torch.rsqrt(variance + EPSILON)
    scale = inverse_deviation if gain is None else inverse_deviation * gain[:, :, None, None]
    shift = -mean * scale if bias is None else bias[:, :, None, None] - mean * scale
    return _affine_activated(x, scale, shift, slope), mean, inverse_deviation


@compiled
def _plane_backward(
    x: Tensor,
    grad: Tensor,
    y: Tensor | None,
    mean: Tensor,
    inverse_deviation: Tensor,
    gain: Tensor | None,
    slope: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of `x`, of the gain and of the bias."""
    size = x.shape[2] * x.shape[3]
    grad, values = _before_activation(grad, y, slope), at_least_float32(x)
    sum_grad = grad.sum(_PLANE, keepdim=True)
    # With n = (x - mean) / deviation:  sum(grad * n)
    sum_grad_n = ((grad * values).sum(_PLANE, keepdim=True) - mean * sum_grad) * inverse_deviation
    scale = inverse_deviation if gain is None else inverse_deviation * gain[:, :, None, None]
    # dx = scale * (grad - mean(grad) - n * mean(grad * n)), written as  scale * grad + p * x + q.
    p = -scale * inverse_deviation * sum_grad_n / size
    q = -scale * sum_grad / size - p * mean
    grad_x = torch.addcmul(torch.addcmul(q, values, p), grad, scale).to(x.dtype)
    return grad_x, sum_grad_n[:, :, 0, 0], sum_grad[:, :, 0, 0]


@compiled
def _sample_forward(x: Tensor, gain: Tensor, bias: Tensor, slope: float) -> tuple[Tensor, Tensor, Tensor]:
    mean, variance = _mean_and_variance(at_least_float32(x), _SAMPLE, 1)
    deviation = torch.sqrt(variance)
    scale = gain[None, :, None, None] / (deviation + EPSILON)
    return _affine_activated(x, scale, bias[None, :, None, None] - mean * scale, slope), mean, deviation


@compiled
def _sample_backward(
    x: Tensor, grad: Tensor, y: Tensor | None, mean: Tensor, deviation: Tensor, gain: Tensor, slope: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of `x`, of the gain and of the bias."""
    size = x.shape[1] * x.shape[2] * x.shape[3]
    grad, values = _before_activation(grad, y, slope), at_least_float32(x)
    inverse = 1 / (deviation + EPSILON)
    sum_grad = grad.sum(_PLANE, keepdim=True)
    sum_grad_centered = (grad * values).sum(_PLANE, keepdim=True) - mean * sum_grad
    channel_gain = gain[None, :, None, None]
    # y = gain * (x - mean) * inverse + bias;  d deviation / dx = (x - mean) / ((size - 1) * deviation)
    total_grad = (channel_gain * sum_grad).sum(1, keepdim=True)
    total_centered = (channel_gain * sum_grad_centered).sum(1, keepdim=True)
    scale = channel_gain * inverse
    # A flat sample has deviation 0 and nothing centered: no gradient through its deviation, rather than 0 / 0.
    p = -inverse * inverse * total_centered / ((size - 1) * deviation).clamp_min(torch.finfo(deviation.dtype).tiny)
    q = -inverse * total_grad / size - p * mean
    grad_x = torch.addcmul(torch.addcmul(q, values, p), grad, scale).to(x.dtype)
    return grad_x, (sum_grad_centered * inverse).sum((0, 2, 3)), sum_grad.sum((0, 2, 3))


class _PlaneNorm(torch.autograd.Function):
    """Standardize every plane over height and width (biased variance), then gain and bias per plane."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor | None, bias: Tensor | None, slope: float) -> Tensor:
        y, mean, inverse_deviation = _plane_forward(x, gain, bias, slope)
        ctx.slope = slope
        ctx.save_for_backward(x, y if slope != 1.0 else None, mean, inverse_deviation, gain)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, *saved, gain = ctx.saved_tensors
        grad_x, grad_gain, grad_bias = _plane_backward(x, grads[0], *saved, gain, ctx.slope)
        if gain is None:
            return grad_x, None, None, None
        return grad_x, grad_gain.to(gain.dtype), grad_bias.to(gain.dtype), None


class _SampleNorm(torch.autograd.Function):
    """Standardize each sample over channels and space (unbiased deviation, epsilon outside the root); channel gains."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor, bias: Tensor, slope: float) -> Tensor:
        y, mean, deviation = _sample_forward(x, gain, bias, slope)
        ctx.slope = slope
        ctx.save_for_backward(x, y if slope != 1.0 else None, mean, deviation, gain)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, *saved, gain = ctx.saved_tensors
        grad_x, grad_gain, grad_bias = _sample_backward(x, grads[0], *saved, gain, ctx.slope)
        return grad_x, grad_gain.to(gain.dtype), grad_bias.to(gain.dtype), None


def instance_norm(
    x: Float[Tensor, "batch channel height width"], negative_slope: float = 1.0
) -> Float[Tensor, "batch channel height width"]:
    """Instance normalization without affine part, followed by leaky ReLU (`negative_slope` 1: no activation).

    Ulyanov et al., "Instance Normalization", Eq. (5), epsilon 1e-5 under the root.
    """
    return _PlaneNorm.apply(x, None, None, negative_slope)


def adaptive_instance_norm(
    x: Float[Tensor, "batch channel height width"],
    gain: Float[Tensor, "batch channel"],
    bias: Float[Tensor, "batch channel"],
    negative_slope: float = 1.0,
) -> Float[Tensor, "batch channel height width"]:
    """Instance normalization with each sample's own gain and bias, then leaky ReLU.

    Huang and Belongie, "Arbitrary Style Transfer", Eq. (8). The gain is used as it is, without "1 +".
    """
    return _PlaneNorm.apply(x, gain, bias, negative_slope)


def sample_norm(
    x: Float[Tensor, "batch channel height width"],
    gain: Float[Tensor, "channel"],
    bias: Float[Tensor, "channel"],
    negative_slope: float = 1.0,
) -> Float[Tensor, "batch channel height width"]:
    """DG-Net's "layer norm" of the decoder: `(x - mean) / (std + 1e-5)` of a whole sample, gain and bias per channel.

    The deviation is the unbiased one and epsilon is added outside the root, unlike `torch.nn.LayerNorm`.
    """
    return _SampleNorm.apply(x, gain, bias, negative_slope)
