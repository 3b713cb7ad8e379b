"""Winograd's sums and matrix products, and where they are taken, against torch's own convolution."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from dgnet.layers import conv2d as module
from dgnet.layers import few_pixels, winograd
from dgnet.layers.conv2d import Conv2d, Pair, conv2d


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


@pytest.mark.parametrize("padding", [0, 1])
def test_many_channels_take_winograds_sums(padding: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same output and gradients, once and twice differentiated."""
    x, weight, bias = values(0, 2, 64, 6, 4).float(), values(1, 64, 64, 3, 3).float() / 24, values(2, 64).float()
    calls, sums = [], winograd.convolve

    def counted(*arguments: Any) -> Tensor:
        calls.append(arguments)
        return sums(*arguments)

    monkeypatch.setattr(winograd, "convolve", counted)
    found = []
    for compiling in (True, False):
        monkeypatch.setattr(module, "compiling", lambda answer=compiling: answer)
        inputs = [value.clone().requires_grad_() for value in (x, weight, bias)]
        image = inputs[0].contiguous(memory_format=torch.channels_last)
        y = conv2d(image, *inputs[1:], padding=(padding, padding))
        once = torch.autograd.grad(y.square().sum(), inputs, retain_graph=True)
        (slope,) = torch.autograd.grad(y.square().sum(), inputs[0], create_graph=True)
        twice = torch.autograd.grad(slope.square().sum(), inputs)
        found.append([y.detach(), *once, slope.detach(), *twice])
        assert len(calls) == 1
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4 * theirs.abs().max().item())


@pytest.mark.parametrize(
    "other",
    [
        {"dtype": torch.float64},
        {"channels": 32},
        {"stride": (2, 2)},
        {"dilation": (3, 3)},
        {"padding": (2, 2)},
        {"kernel": 1},
        {"layout": torch.contiguous_format},
        {"autocast": True},
    ],
)
def test_all_others_are_torchs(other: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Tensor:
        raise AssertionError("Winograd's sums were taken")

    monkeypatch.setattr(module, "compiling", lambda: True)
    monkeypatch.setattr(winograd, "convolve", refuse)
    channels, kernel, dtype = other.get("channels", 64), other.get("kernel", 3), other.get("dtype", torch.float32)
    x = values(0, 2, channels, 9, 8).to(dtype, memory_format=other.get("layout", torch.channels_last))
    weight = values(1, 64, channels, kernel, kernel).to(dtype)
    geometry = [
        other.get(name, least) for name, least in (("stride", (1, 1)), ("padding", (0, 0)), ("dilation", (1, 1)))
    ]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=other.get("autocast", False)):
        torch.testing.assert_close(conv2d(x, weight, None, *geometry), F.conv2d(x, weight, None, *geometry))


@pytest.mark.parametrize("geometry", [((1, 1), (1, 1), (1, 1)), ((2, 2), (0, 0), (1, 1)), ((1, 1), (2, 2), (2, 2))])
def test_differentiated_as_often_as_torchs(geometry: tuple[Pair, Pair, Pair]) -> None:
    """By input and weight, three times."""
    x, weight, bias = (value.requires_grad_() for value in (values(0, 2, 3, 9, 8), values(1, 4, 3, 3, 3), values(2, 4)))
    assert module._may_be_penalized(x, weight)
    found = []
    for convolve in (conv2d, F.conv2d):
        gradients: list[Tensor] = []
        y = convolve(x, weight, bias, *geometry)
        for _ in range(3):
            grads = torch.autograd.grad(y.square().sum(), (x, weight), create_graph=True)
            y = torch.stack([grad.tanh().sum() for grad in grads])
            gradients.extend(grads)
        found.append([*gradients, torch.autograd.grad(y.sum(), bias)[0]])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_penalty_makes_no_convolution_with_the_kernel_of_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no gradient of a weight that nobody asked for."""
    x, weight = values(0, 2, 3, 9, 8).requires_grad_(), values(1, 4, 3, 3, 3).requires_grad_()
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as profiler:
        (slope,) = torch.autograd.grad(conv2d(x, weight).square().sum(), x, create_graph=True)
        slope.square().sum().backward(inputs=[weight])
    kernels = [event.input_shapes[1] for event in profiler.events() or [] if event.name == "aten::convolution"]
    assert kernels and all(kernel == [4, 3, 3, 3] for kernel in kernels)


def count_products(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    calls, products = [], few_pixels.convolve

    def counted(*arguments: Any) -> Tensor:
        calls.append(arguments)
        return products(*arguments)

    monkeypatch.setattr(few_pixels, "convolve", counted)
    return calls


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [((3, 3), (1, 1), (1, 1)), ((3, 3), (2, 2), (1, 1)), ((1, 1), (1, 1), (0, 0)), ((1, 1), (2, 2), (0, 0))]
    + [((3, 2), (2, 1), (0, 1))],
)
def test_few_pixels_are_matrix_products(
    kernel: Pair, stride: Pair, padding: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same output and gradients, once and twice differentiated."""
    calls = count_products(monkeypatch)
    x, weight, bias = (
        value.requires_grad_() for value in (values(0, 2, 5, 4, 5), values(1, 40, 5, *kernel), values(2, 40))
    )
    inputs, found = (x, weight, bias), []
    for convolve in (conv2d, F.conv2d):
        y = convolve(x, weight, bias, stride, padding)
        once = torch.autograd.grad(y.square().sum(), inputs, retain_graph=True)
        (slope,) = torch.autograd.grad(y.square().sum(), inputs[0], create_graph=True)
        found.append([y.detach(), *once, slope.detach(), *torch.autograd.grad(slope.square().sum(), inputs)])
        assert len(calls) == 1
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_few_pixels_in_bfloat16() -> None:
    """Output and gradients are as near to the exact ones as torch's own."""
    x, weight = (value.float().requires_grad_() for value in (values(0, 4, 64, 3, 2), values(1, 64, 64, 3, 3)))
    output = F.conv2d(x.double(), weight.double(), padding=1)
    exact = [output, *torch.autograd.grad(output.square().sum(), (x, weight))]
    errors = []
    for convolve in (conv2d, F.conv2d):
        with torch.autocast("cpu", torch.bfloat16):
            y = convolve(x, weight, None, (1, 1), (1, 1))
        assert y.dtype == torch.bfloat16
        found = [y, *torch.autograd.grad(y.double().square().sum(), (x, weight))]
        errors.append([(ours - right).norm().item() for ours, right in zip(found, exact, strict=True)])
    for ours, theirs in zip(*errors, strict=True):
        assert ours < 1.5 * theirs


def test_without_gradients_or_with_many_pixels_torchs(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = count_products(monkeypatch)
    weight = values(1, 8, 5, 1, 1).requires_grad_()
    few, many = values(0, 1, 5, 3, 5), values(0, 1, 5, 4, 4)
    with torch.no_grad():
        conv2d(few, weight)
    conv2d(many, weight)
    conv2d(few.contiguous(memory_format=torch.contiguous_format), weight)
    assert not calls
    conv2d(few, weight)
    assert len(calls) == 1


def test_a_layer_like_torchs() -> None:
    """The same output, parameters and state dict."""
    layer = nn.Conv2d(4, 6, 3, 2, 1)
    ours, x = Conv2d.like(layer), values(0, 2, 4, 8, 6).float()
    assert ours.weight is layer.weight and ours.state_dict().keys() == layer.state_dict().keys()
    torch.testing.assert_close(ours(x), layer(x))
