"""The fused norms against the same formulas one number at a time: values, gradients, borders, low precision."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from dgnet.layers.norm import adaptive_instance_norm, instance_norm, sample_norm
from tests.oracles.slow_norms import slow_adaptive_norm, slow_instance_norm, slow_layer_norm

SLOPES = (1.0, 0.2)
# One pixel high, one wide, odd sizes, more channels than pixels.
SHAPES = ((2, 3, 4, 5), (1, 2, 1, 6), (3, 2, 7, 1), (1, 5, 2, 2))
Norm = Callable[..., Tensor]


def values(seed: int, *shape: int) -> Tensor:
    return 2 * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 1


def plane(function: Norm) -> Norm:
    """`function` of (x, gain, bias, slope), whatever it takes."""
    return lambda x, gain, bias, slope: function(x, slope)


def slow(function: Norm) -> Norm:
    return lambda x, gain, bias, slope: F.leaky_relu(function(x, gain, bias), slope)


def arguments(name: str, shape: tuple[int, ...]) -> list[Tensor]:
    size = shape[:2] if name == "adaptive" else shape[1:2]
    return [values(0, *shape), values(1, *size), values(2, *size)]


CASES: dict[str, tuple[Norm, Norm]] = {
    "instance": (plane(instance_norm), slow(lambda x, gain, bias: slow_instance_norm(x))),
    "adaptive": (adaptive_instance_norm, slow(slow_adaptive_norm)),
    "sample": (sample_norm, slow(slow_layer_norm)),
}


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients(name: str, shape: tuple[int, ...], slope: float) -> None:
    ours, oracle = CASES[name]
    results = []
    for function in (ours, oracle):
        inputs = [tensor.clone().requires_grad_() for tensor in arguments(name, shape)]
        y = function(*inputs, slope)
        # Unequal weights: the gradient of a plain sum through a norm is 0.
        (y * values(9, *shape)).sum().backward()
        results.append([y.detach(), *(tensor.grad for tensor in inputs if tensor.grad is not None)])
    assert len(results[0]) == len(results[1]) == (2 if name == "instance" else 4)
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("slope", SLOPES)
@pytest.mark.parametrize("name", CASES)
def test_gradient_by_finite_differences(name: str, slope: float) -> None:
    inputs = [tensor.requires_grad_() for tensor in arguments(name, (2, 2, 3, 2))]
    ours = CASES[name][0]
    inputs = inputs[:1] if name == "instance" else inputs
    rest = () if name != "instance" else (None, None)
    assert torch.autograd.gradcheck(lambda *given: ours(*given, *rest, slope), inputs)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", CASES)
def test_low_precision_images_with_float32_statistics(name: str, dtype: torch.dtype) -> None:
    """Far from 0, where sums in bf16 lose the deviation: the statistics must not be bf16's.

    Without the activation: what lies at its kink may fall on the other side.
    """
    ours, oracle = CASES[name]
    x, gain, bias = arguments(name, (2, 3, 16, 12))
    image = (x + 20).to(dtype).requires_grad_()
    gain, bias = gain.float(), bias.float()
    y = ours(image, gain, bias, 1.0)
    weight = values(9, *x.shape)
    (y.double() * weight).sum().backward()
    exact = image.detach().double().requires_grad_()
    expected = oracle(exact, gain.double(), bias.double(), 1.0)
    (expected * weight).sum().backward()
    assert y.dtype == dtype and image.grad is not None and image.grad.dtype == dtype
    # Rounding of an input at 20, a scale and a shift: a few units of the last place of 20 over a deviation of 2.
    coarse = 3 * 20 * torch.finfo(dtype).eps / 2 * gain.abs().max().item()
    assert (y.double() - expected).abs().max().item() < coarse
    assert exact.grad is not None
    assert (image.grad.double() - exact.grad).norm() < 0.02 * exact.grad.norm()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", CASES)
def test_the_memory_layout_changes_nothing(name: str, layout: torch.memory_format) -> None:
    x, gain, bias = arguments(name, (2, 3, 4, 5))
    ours = CASES[name][0]
    laid = x.to(memory_format=layout)
    torch.testing.assert_close(ours(laid, gain, bias, 0.2), ours(x, gain, bias, 0.2), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_a_sample_does_not_see_its_neighbors(name: str) -> None:
    inputs = arguments(name, (3, 2, 4, 5))
    ours = CASES[name][0]
    per_sample = [tensor if len(tensor) == 3 else tensor.expand(3, -1) for tensor in inputs]
    for i in range(3):
        x, gain, bias = (tensor[i : i + 1] for tensor in per_sample)
        alone = ours(x, gain, bias, 0.2) if name == "adaptive" else ours(x, gain[0], bias[0], 0.2)
        torch.testing.assert_close(ours(*inputs, 0.2)[i : i + 1], alone, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("instance", lambda x, gain, bias: F.instance_norm(x, eps=1e-3)),
        ("instance", lambda x, gain, bias: slow_instance_norm(x) * (19 / 20) ** 0.5),  # unbiased variance
        ("adaptive", lambda x, gain, bias: slow_adaptive_norm(x, 1 + gain, bias)),
        ("adaptive", lambda x, gain, bias: slow_adaptive_norm(x, gain.flip(0), bias)),
        ("sample", lambda x, gain, bias: F.layer_norm(x, x.shape[1:]) * gain[:, None, None] + bias[:, None, None]),
        ("sample", lambda x, gain, bias: slow_layer_norm(x, gain, bias, epsilon=1e-4)),
    ],
)
def test_a_neighboring_formula_is_told_apart(name: str, wrong: Norm) -> None:
    inputs = arguments(name, (2, 3, 4, 5))
    ours, oracle = (function(*inputs, 0.2) for function in CASES[name])
    torch.testing.assert_close(ours, oracle, rtol=1e-9, atol=1e-9)
    assert (ours - slow(wrong)(*inputs, 0.2)).abs().max() > 1e-6
