"""Convolution by the fastest way at hand, in the precision of autocast, and cheap to differentiate twice.

The gradient penalty differentiates twice. The gradient of a convolution by its input, g -> transposed convolution of g
with the weights, is linear in g and in the weights. torch writes its gradient by the weights as a convolution whose
kernel has the size of the image; it is an ordinary weight gradient with the incoming gradient in place of the image.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from dgnet.layers.conv_kernels import Geometry, Pair, convolve, gradients
from dgnet.layers.weight_cache import from_weight

_state = {"weights_learn": True}


@contextmanager
def input_gradients_only() -> Iterator[None]:
    """Backward passes inside compute no gradient of a weight or bias.

    `backward(inputs=...)` says the same, but not to a convolution with a backward pass of its own.
    """
    before, _state["weights_learn"] = _state["weights_learn"], False
    try:
        yield
    finally:
        _state["weights_learn"] = before


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        device = x.device.type
        ctx.reduced = torch.is_autocast_enabled(device) and x.dtype != torch.float64
        if ctx.reduced:
            dtype = torch.get_autocast_dtype(device)
            x, weight = x.to(dtype), from_weight(weight, Tensor.to, dtype)
            bias = None if bias is None else bias.to(dtype)
        ctx.save_for_backward(x, weight)
        ctx.geometry = geometry
        return convolve(x, weight, bias, geometry)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        if torch.is_grad_enabled():
            if ctx.reduced:
                raise RuntimeError("convolutions under autocast are differentiated once only")
            # To be differentiated again: by the input alone, which is all that the penalty asks for.
            return _InputGradient.apply(grads[0], weight, x, ctx.geometry), None, None, None
        by_input, by_weight, by_bias, _ = ctx.needs_input_grad
        learn = _state["weights_learn"]
        # Autograd itself brings the gradients back to the precision of what was given.
        return *gradients(grads[0], x, weight, ctx.geometry, (by_input, by_weight and learn, by_bias and learn)), None


class _InputGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, grad: Tensor, weight: Tensor, x: Tensor, geometry: Geometry) -> Tensor:
        ctx.save_for_backward(grad, weight)
        ctx.geometry = geometry
        found = gradients(grad, x, weight, geometry, (True, False, False))[0]
        assert found is not None
        return found

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        grad, weight = ctx.saved_tensors
        by_grad = convolve(grads[0], weight, None, ctx.geometry) if ctx.needs_input_grad[0] else None
        by_weight = None
        if ctx.needs_input_grad[1]:
            by_weight = gradients(grad, grads[0], weight, ctx.geometry, (False, True, False))[1]
        return by_grad, by_weight, None, None


def twice_differentiable_convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
) -> Tensor:
    """`F.conv2d` without groups; with `create_graph=True` its gradient is taken by `x` alone."""
    return _Convolution.apply(x, weight, bias, (stride, padding, dilation))


class Convolution(nn.Conv2d):
    """`nn.Conv2d` (zero padding, no groups), computed by `twice_differentiable_convolution`."""

    @classmethod
    def like(cls, layer: nn.Conv2d) -> "Convolution":
        """With the geometry and the very parameters of `layer`."""
        made = cls(
            layer.in_channels,
            layer.out_channels,
            layer.kernel_size,  # type: ignore[arg-type]
            layer.stride,  # type: ignore[arg-type]
            layer.padding,  # type: ignore[arg-type]
            layer.dilation,  # type: ignore[arg-type]
            bias=layer.bias is not None,
            device="meta",
        )
        made.weight, made.bias = layer.weight, layer.bias
        return made

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" and torch.is_autocast_enabled(x.device.type):
            return super().forward(x)
        assert not isinstance(self.padding, str)
        return twice_differentiable_convolution(x, self.weight, self.bias, self.stride, self.padding, self.dilation)
