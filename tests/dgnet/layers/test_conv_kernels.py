"""Every way to compute a convolution, and its gradients, against torch's own."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgnet.layers import conv_kernels as products
from dgnet.layers import winograd
from dgnet.layers.double_backward_conv import Convolution, input_gradients_only
from dgnet.layers.weight_cache import constant_weights, from_weight


def values(seed: int, *shape: int) -> Tensor:
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return drawn.to(memory_format=torch.channels_last) if len(shape) == 4 else drawn


def by_torch(x: Tensor, weight: Tensor, padding: int, grad: Tensor) -> tuple[Tensor, ...]:
    return torch.ops.aten.convolution_backward(
        grad, x, weight, [len(weight)], [1, 1], [padding] * 2, [1, 1], False, [0, 0], 1, [True] * 3
    )


@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("size", [(8, 12), (4, 10), (3, 6), (9, 5)])
def test_winograd(padding: int, size: tuple[int, int]) -> None:
    x, weight = values(0, 3, 5, *size), values(1, 7, 5, 3, 3)
    y = F.conv2d(x, weight, padding=padding)
    grad = values(2, *y.shape)
    torch.testing.assert_close(winograd.convolve(x, weight, padding), y)
    by_input, by_weight, _ = by_torch(x, weight, padding, grad)
    torch.testing.assert_close(winograd.input_gradient(grad, weight, padding), by_input)
    torch.testing.assert_close(winograd.weight_gradient(grad, x, padding), by_weight)


def test_winograd_rounds_little_worse_in_float32() -> None:
    x, weight = values(0, 2, 128, 16, 8).float(), values(1, 64, 128, 3, 3).float()
    exact = F.conv2d(x.double(), weight.double(), padding=1)
    plain, ours = F.conv2d(x, weight, padding=1), winograd.convolve(x, weight, 1)
    assert (ours - exact).square().mean() < 3**2 * (plain - exact).square().mean()


@pytest.mark.parametrize(("kernel", "padding", "dtype"), [(1, 0, torch.bfloat16), (3, 1, torch.float32)])
def test_the_fast_ways_are_taken_and_agree(
    kernel: int, padding: int, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(products, "compiling", lambda: True)

    def refuse(*_: object) -> Tensor:
        raise AssertionError("torch's convolution was called")

    x, weight, bias = values(0, 2, 128, 6, 4).to(dtype), values(1, 128, 128, kernel, kernel).to(dtype), values(2, 128)
    y = F.conv2d(x, weight, bias.to(dtype), padding=padding)
    grad = values(3, *y.shape).to(dtype)
    expected = by_torch(x, weight, padding, grad)
    monkeypatch.setattr(F, "conv2d", refuse)
    geometry = (1, 1), (padding, padding), (1, 1)
    found = products.gradients(grad, x, weight, geometry, (True, True, True))
    loose = {"rtol": 2e-2, "atol": 0.5} if dtype == torch.bfloat16 else {"rtol": 1e-4, "atol": 1e-3}
    torch.testing.assert_close(products.convolve(x, weight, bias.to(dtype), geometry), y, **loose)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, **loose)


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(1, 1, 0), (1, 2, 0), (3, 1, 1), (7, 2, 3)])
def test_in_autocast_as_torch(kernel: int, stride: int, padding: int) -> None:
    """The same output and gradients, in the same precisions."""
    layer = nn.Conv2d(8, 16, kernel, stride, padding)
    found = []
    for module in (layer, Convolution.like(layer)):
        layer.zero_grad()
        x = values(0, 2, 8, 8, 6).float().requires_grad_()
        with constant_weights(), torch.autocast("cpu", torch.bfloat16):
            y = module(x)
        y.float().square().sum().backward()
        assert y.dtype == torch.bfloat16 and layer.bias is not None
        found.append((y.detach(), x.grad, layer.weight.grad, layer.bias.grad))
    for ours, theirs in zip(*found, strict=True):
        assert ours.dtype == theirs.dtype
        torch.testing.assert_close(ours, theirs, rtol=3e-2, atol=3e-2 * theirs.abs().max().item())


def test_input_gradients_only() -> None:
    layer, x = Convolution(2, 3, 3), torch.randn(1, 2, 5, 5, requires_grad=True)
    y = layer(x).sum()
    with input_gradients_only():
        y.backward(retain_graph=True)
    assert x.grad is not None and layer.weight.grad is None
    y.backward()
    assert layer.weight.grad is not None


def test_constant_weights_are_computed_from_once_and_forgotten() -> None:
    weight, calls = nn.Parameter(torch.ones(2)), []

    def double(value: Tensor) -> Tensor:
        calls.append(value)
        return 2 * value

    with constant_weights():
        assert from_weight(weight, double) is from_weight(weight.detach(), double)
        assert len(calls) == 1
    with torch.no_grad():
        weight += 1
    assert from_weight(weight, double).tolist() == [4, 4]
    with constant_weights():
        assert from_weight(weight, double).tolist() == [4, 4]
    assert len(calls) == 3
