"""The oracles among themselves: the naive networks' layers against the same formulas one number at a time."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.oracles.naive_dgnet import AdaptiveNorm, Conv, WholeNorm
from tests.oracles.slow_norms import (
    slow_adaptive_norm,
    slow_instance_norm,
    slow_layer_norm,
    slow_reflect_conv,
    slow_upsample,
    slow_upsample_conv,
)


def values(seed: int, *shape: int) -> Tensor:
    return 2 * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 1


def same(first: Tensor, second: Tensor) -> bool:
    return first.shape == second.shape and torch.allclose(first, second, rtol=1e-10, atol=1e-10)


def gradient(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Of a sum with unequal weights, so that a norm's gradient is not 0."""
    x = x.clone().requires_grad_()
    out = function(x)
    return torch.autograd.grad((out * values(9, *out.shape)).sum(), x)[0]


def test_instance_norm() -> None:
    x = values(0, 2, 3, 4, 5)
    assert same(slow_instance_norm(x), F.instance_norm(x, eps=1e-5))
    assert not same(slow_instance_norm(x), F.instance_norm(x, eps=1e-3))
    assert same(gradient(slow_instance_norm, x), gradient(lambda t: F.instance_norm(t, eps=1e-5), x))


def test_adaptive_norm_and_its_gradient() -> None:
    x, gain, bias = values(0, 2, 3, 4, 5), values(1, 2, 3), values(2, 2, 3)
    norm = AdaptiveNorm(3).double()
    assert same(slow_adaptive_norm(x, gain, bias), norm(x, gain, bias))
    assert not same(slow_adaptive_norm(x, 1 + gain, bias), norm(x, gain, bias))
    assert same(gradient(lambda t: slow_adaptive_norm(t, gain, bias), x), gradient(lambda t: norm(t, gain, bias), x))
    assert norm.running_mean.abs().max() == 0


def test_layer_norm_and_its_gradient() -> None:
    x, norm = values(0, 2, 3, 4, 5), WholeNorm(3).double()
    gain, bias = norm.gamma.detach(), norm.beta.detach()
    assert same(slow_layer_norm(x, gain, bias), norm(x))
    assert same(gradient(lambda t: slow_layer_norm(t, gain, bias), x), gradient(norm, x))
    # The biased deviation of torch's own layer norm is another one.
    assert not same(slow_layer_norm(x, torch.ones(3), torch.zeros(3)), F.layer_norm(x, x.shape[1:]))


@pytest.mark.parametrize(("size", "stride", "dilation"), [(1, 1, 1), (3, 1, 1), (3, 2, 1), (3, 1, 3), (5, 1, 1)])
def test_convolution_with_reflection(size: int, stride: int, dilation: int) -> None:
    x = values(0, 2, 3, 6, 4)
    block = Conv(3, 2, size, stride=stride, dilation=dilation, activate=False).double()
    slow = slow_reflect_conv(x, block.conv.weight, block.conv.bias, block.padding, stride, dilation)
    assert same(slow, block(x))


def test_upsampling_and_convolution() -> None:
    x, weight, bias = values(0, 2, 3, 4, 3), values(1, 2, 3, 5, 5), values(2, 2)
    larger = F.interpolate(x, scale_factor=2, mode="nearest")
    assert same(slow_upsample(x), larger)
    expected = F.conv2d(F.pad(larger, [2] * 4, mode="reflect"), weight, bias)
    assert same(slow_upsample_conv(x, weight, bias), expected)
    assert not same(slow_upsample_conv(x, weight, bias), F.conv2d(larger, weight, bias, padding=2))
