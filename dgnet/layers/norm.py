"""The three normalisations of DG-Net's generator, each with a closed-form backward pass.

Op by op, autograd keeps four to six full-size tensors per normalisation and walks over memory as often; here the input
and two numbers per row are kept and the backward pass is written out. All three are one operation,

    y = activation(scale * x + shift),    scale and shift constant over a plane (sample, channel),

that differ in the rows over which mean and variance are taken and in where gain and bias come from.
Statistics are float32 at least, whatever the precision of the image.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

EPSILON = 1e-5
_PLANE = (2, 3)


def _at_least_float32(x: Tensor) -> torch.dtype:
    return torch.float64 if x.dtype == torch.float64 else torch.float32


def _affine_activated(x: Tensor, scale: Tensor, shift: Tensor, slope: float) -> Tensor:
    y = torch.addcmul(shift.to(x.dtype), x, scale.to(x.dtype))
    return y if slope == 1.0 else torch.nn.functional.leaky_relu(y, slope)


def _activation_gradient(grad: Tensor, y: Tensor | None, slope: float) -> Tensor:
    if slope == 1.0:
        return grad
    return torch.ops.aten.leaky_relu_backward(grad, y, slope, True)


class _PlaneNorm(torch.autograd.Function):
    """Standardise every plane over height and width (biased variance), then gain and bias per plane."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor | None, bias: Tensor | None, slope: float) -> Tensor:
        dtype = _at_least_float32(x)
        variance, mean = torch.var_mean(x.to(dtype), dim=_PLANE, correction=0, keepdim=True)
        inverse_deviation = torch.rsqrt(variance + EPSILON)
        scale = inverse_deviation if gain is None else inverse_deviation * gain[:, :, None, None]
        shift = -mean * scale if bias is None else bias[:, :, None, None] - mean * scale
        y = _affine_activated(x, scale, shift, slope)
        ctx.slope = slope
        ctx.save_for_backward(x, mean, inverse_deviation, gain, y if slope != 1.0 else None)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, mean, inverse_deviation, gain, y = ctx.saved_tensors
        dtype = mean.dtype
        grad = _activation_gradient(grads[0], y, ctx.slope)
        size = x.shape[2] * x.shape[3]
        sum_grad = grad.sum(_PLANE, dtype=dtype, keepdim=True)
        sum_grad_x = (grad * x).sum(_PLANE, dtype=dtype, keepdim=True)
        # With n = (x - mean) / deviation:  sum(grad * n)
        sum_grad_n = (sum_grad_x - mean * sum_grad) * inverse_deviation
        scale = inverse_deviation if gain is None else inverse_deviation * gain[:, :, None, None]
        # dx = scale * (grad - mean(grad) - n * mean(grad * n)), written as  scale * grad + p * x + q.
        p = -scale * inverse_deviation * sum_grad_n / size
        q = -scale * sum_grad / size - p * mean
        grad_x = torch.addcmul(q.to(x.dtype), x, p.to(x.dtype)).addcmul_(grad, scale.to(x.dtype))
        if gain is None:
            return grad_x, None, None, None
        return grad_x, sum_grad_n[:, :, 0, 0].to(gain.dtype), sum_grad[:, :, 0, 0].to(gain.dtype), None


class _SampleNorm(torch.autograd.Function):
    """Standardise each sample over channels and space (unbiased deviation, epsilon outside the root); channel gains."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gain: Tensor, bias: Tensor, slope: float) -> Tensor:
        dtype = _at_least_float32(x)
        variance, mean = torch.var_mean(x.to(dtype), dim=(1, 2, 3), correction=1, keepdim=True)
        deviation = torch.sqrt(variance)
        scale = gain[None, :, None, None] / (deviation + EPSILON)
        shift = bias[None, :, None, None] - mean * scale
        y = _affine_activated(x, scale, shift, slope)
        ctx.slope = slope
        ctx.save_for_backward(x, mean, deviation, gain, y if slope != 1.0 else None)
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, mean, deviation, gain, y = ctx.saved_tensors
        dtype = mean.dtype
        grad = _activation_gradient(grads[0], y, ctx.slope)
        inverse = 1 / (deviation + EPSILON)
        sum_grad = grad.sum(_PLANE, dtype=dtype, keepdim=True)
        sum_grad_x = (grad * x).sum(_PLANE, dtype=dtype, keepdim=True)
        sum_grad_centred = sum_grad_x - mean * sum_grad
        wide_gain = gain[None, :, None, None]
        size = x[0].numel()
        # y = gain * (x - mean) * inverse + bias;  d deviation / dx = (x - mean) / ((size - 1) * deviation)
        total_grad = (wide_gain * sum_grad).sum(1, keepdim=True)
        total_centred = (wide_gain * sum_grad_centred).sum(1, keepdim=True)
        scale = wide_gain * inverse
        # A flat sample has deviation 0 and nothing centred: no gradient through its deviation, rather than 0 / 0.
        p = -inverse.square() * total_centred / ((size - 1) * deviation).clamp_min(torch.finfo(dtype).tiny)
        q = -inverse * total_grad / size - p * mean
        grad_x = torch.addcmul(q.to(x.dtype), x, p.to(x.dtype)).addcmul_(grad, scale.to(x.dtype))
        grad_gain = (sum_grad_centred * inverse).sum((0, 2, 3)).to(gain.dtype)
        return grad_x, grad_gain, sum_grad.sum((0, 2, 3)).to(gain.dtype), None


def instance_norm(
    x: Float[Tensor, "batch channel height width"], negative_slope: float = 1.0
) -> Float[Tensor, "batch channel height width"]:
    """Instance normalisation without affine part, followed by leaky ReLU (`negative_slope` 1: no activation).

    Ulyanov et al., "Instance Normalization", Eq. (5), epsilon 1e-5 under the root.
    """
    return _PlaneNorm.apply(x, None, None, negative_slope)


def adaptive_instance_norm(
    x: Float[Tensor, "batch channel height width"],
    gain: Float[Tensor, "batch channel"],
    bias: Float[Tensor, "batch channel"],
    negative_slope: float = 1.0,
) -> Float[Tensor, "batch channel height width"]:
    """Instance normalisation with each sample's own gain and bias, then leaky ReLU.

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
