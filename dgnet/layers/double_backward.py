"""Convolutions whose gradients are differentiated again (CPU), as the gradient penalty does.

The gradient of a convolution by its input is linear in the weights. torch writes its derivative by the weights as a
convolution whose kernel has the size of the image, behind copies of both; it is an ordinary weight gradient with the
incoming gradient in place of the image.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

# Stride, padding, dilation.
Geometry = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]


class _TwiceDifferentiated(torch.autograd.Function):
    """`F.conv2d` without groups."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = geometry
        return F.conv2d(x, weight, bias, *geometry)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        if torch.is_grad_enabled():
            return *differentiable_gradients(ctx, grads[0], x, weight, ctx.geometry), None
        required = [*_required_gradients(ctx), ctx.needs_input_grad[2]]
        return *_gradients(grads[0], x, weight, ctx.geometry, required), None


def twice_differentiable(x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
    """`F.conv2d` without groups, as often differentiable."""
    return _TwiceDifferentiated.apply(x.view_as(x), weight.view_as(weight), bias, geometry)


class _InputGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, grad: Tensor, weight: Tensor, x: Tensor, geometry: Geometry) -> Tensor:
        ctx.save_for_backward(grad, weight)
        ctx.geometry = geometry
        result = _gradients(grad, x, weight, geometry, [True, False, False])[0]
        assert result is not None
        return result

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        grad, weight = ctx.saved_tensors
        by_grad, by_weight = _required_gradients(ctx)
        grad_grad = F.conv2d(grads[0], weight, None, *ctx.geometry) if by_grad else None
        grad_weight = _gradients(grad, grads[0], weight, ctx.geometry, [False, True, False])[1] if by_weight else None
        return grad_grad, grad_weight, None, None


def differentiable_gradients(
    ctx: Any, grad: Tensor, x: Tensor, weight: Tensor, geometry: Geometry
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Gradients of a convolution's input, weight and bias that have gradients themselves.

    Args:
        ctx: of the convolution's autograd function, whose first three arguments they are.
    """
    by_input, by_weight = _required_gradients(ctx)
    grad_x = (
        _InputGradient.apply(grad.view_as(grad), weight.view_as(weight), x.detach(), geometry) if by_input else None
    )
    grad_weight = _gradients(grad, x, weight, geometry, [False, True, False])[1] if by_weight else None
    return grad_x, grad_weight, grad.sum((0, 2, 3)) if ctx.needs_input_grad[2] else None


def _required_gradients(ctx: Any) -> list[bool]:
    """Whether this backward pass needs a gradient of the first argument, and of the second.

    `ctx.needs_input_grad` knows nothing of the `inputs` that a pass is restricted to. The engine's answer is
    undefined for a leaf; hence the views.
    """
    return [node is not None and torch._C._will_engine_execute_node(node) for node, _ in ctx.next_functions[:2]]


def _gradients(
    grad: Tensor, x: Tensor, weight: Tensor, geometry: Geometry, wanted: list[bool]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    return torch.ops.aten.convolution_backward(grad, x, weight, [len(weight)], *geometry, False, [0, 0], 1, wanted)
