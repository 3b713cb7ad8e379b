"""Padding put together from slices, where the same bits are asked for, is torch's padding."""

from collections.abc import Callable, Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from dgnet.layers import padding
from dgnet.layers.padding import pad, pad_line, replicated_gradient
from dgnet.layers.upsample import upsampled_convolution


@pytest.fixture
def deterministic() -> Iterator[None]:
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def with_gradient(function: Callable[[Tensor], Tensor], x: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    x = x.clone().requires_grad_()
    y = function(x)
    (grad,) = torch.autograd.grad((y * weights).sum(), x)
    return y.detach(), grad


@pytest.mark.parametrize("mode", ["reflect", "replicate"])
@pytest.mark.parametrize("size", [1, 3])
def test_slices_are_torchs_padding(mode, size, deterministic):
    torch.manual_seed(0)
    x, line = torch.randn(2, 3, 5, 4, dtype=torch.float64), torch.randn(2, 3, 5, dtype=torch.float64)
    weights = torch.randn(2, 3, 5 + 2 * size, 4 + 2 * size, dtype=torch.float64)
    for ours, theirs, image, factor in (
        (lambda x: pad(x, size, mode), lambda x: F.pad(x, (size,) * 4, mode=mode), x, weights),
        (lambda x: pad_line(x, size, mode), lambda x: F.pad(x, (size,) * 2, mode=mode), line, weights[..., 0]),
    ):
        (y, grad), (expected, gradient) = (with_gradient(f, image, factor) for f in (ours, theirs))
        assert torch.equal(y, expected)
        torch.testing.assert_close(grad, gradient, rtol=1e-12, atol=1e-12)


def test_the_gradient_of_repeated_edges(deterministic):
    torch.manual_seed(0)
    x, grad = torch.randn(2, 3, 5, 4, dtype=torch.float64), torch.randn(2, 3, 7, 6, dtype=torch.float64)
    expected = torch.ops.aten.replication_pad2d_backward(grad, x, [1, 1, 1, 1])
    before = grad.clone()
    torch.testing.assert_close(replicated_gradient(grad, x), expected, rtol=1e-12, atol=1e-12)
    assert torch.equal(grad, before)


def test_determinism_reaches_the_layers(deterministic, monkeypatch):
    """Neither torch's reflection nor its replication is left in an upsampled convolution and its gradient."""
    called = []
    extended = padding._extended
    monkeypatch.setattr(padding, "_extended", lambda *a: called.append(1) or extended(*a))
    monkeypatch.setattr(F, "pad", lambda *_, **__: pytest.fail("torch's padding"))
    x = torch.randn(1, 2, 4, 4, requires_grad=True)
    upsampled_convolution(x, torch.randn(3, 2, 5, 5), torch.zeros(3)).sum().backward()
    assert called
