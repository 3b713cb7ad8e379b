"""Convolution that is cheap to differentiate twice, as the gradient penalty does.

The gradient of a convolution by its input, g -> transposed convolution of g with the weights, is linear in g and in the
weights. torch writes its gradient by the weights as a convolution whose kernel has the size of the image; it is an
ordinary weight gradient with the incoming gradient in the place of the image.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Pair = tuple[int, ...]


def _gradients(
    grad: Tensor, x: Tensor, weight: Tensor, stride: Pair, dilation: Pair, wanted: list[bool]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Of a convolution's input, weight and bias, as far as `wanted`."""
    bias_size = [weight.shape[0]]
    return torch.ops.aten.convolution_backward(
        grad, x, weight, bias_size, stride, [0, 0], dilation, False, [0, 0], 1, wanted
    )


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, dilation: Pair) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = stride, dilation
        return F.conv2d(x, weight, bias, stride, 0, dilation)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        if torch.is_grad_enabled():
            # To be differentiated again: by the input alone, which is all that the penalty asks for.
            return _InputGradient.apply(grads[0], weight, x, *ctx.geometry), None, None, None, None
        stride, dilation = ctx.geometry
        return *_gradients(grads[0], x, weight, stride, dilation, list(ctx.needs_input_grad[:3])), None, None


class _InputGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, grad: Tensor, weight: Tensor, x: Tensor, stride: Pair, dilation: Pair) -> Tensor:
        ctx.save_for_backward(grad, weight)
        ctx.geometry = stride, dilation
        found = _gradients(grad, x, weight, stride, dilation, [True, False, False])[0]
        assert found is not None
        return found

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        grad, weight = ctx.saved_tensors
        stride, dilation = ctx.geometry
        by_grad = F.conv2d(grads[0], weight, None, stride, 0, dilation) if ctx.needs_input_grad[0] else None
        by_weight = None
        if ctx.needs_input_grad[1]:
            by_weight = _gradients(grad, grads[0], weight, stride, dilation, [False, True, False])[1]
        return by_grad, by_weight, None, None, None


def twice_differentiable_convolution(
    x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, dilation: Pair
) -> Tensor:
    """`F.conv2d` without padding or groups; with `create_graph=True` its gradient is taken by `x` alone."""
    return _Convolution.apply(x, weight, bias, stride, dilation)
