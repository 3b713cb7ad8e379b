"""The convolution of the gradient penalty: torch's own gradients of first and second order."""

import pytest
import torch
import torch.nn.functional as F

from dgnet.layers.double_backward_conv import twice_differentiable_convolution

GEOMETRIES = [((1, 1), (1, 1)), ((2, 2), (1, 1)), ((1, 1), (3, 3))]


@pytest.mark.parametrize(("stride", "dilation"), GEOMETRIES)
def test_gradients_of_a_penalty(stride: tuple[int, int], dilation: tuple[int, int]) -> None:
    """A loss on the scores and one on their slope, as the discriminator has them."""
    torch.manual_seed(0)
    image = torch.randn(2, 3, 9, 8, dtype=torch.float64)
    weight, bias = torch.randn(4, 3, 3, 3, dtype=torch.float64), torch.randn(4, dtype=torch.float64)
    found = []
    for convolve in (
        lambda x, w, b: twice_differentiable_convolution(x, w, b, stride, dilation=dilation),
        lambda x, w, b: F.conv2d(x, w, b, stride, 0, dilation),
    ):
        x, w, b = (value.clone().requires_grad_() for value in (image, weight, bias))
        scores = F.leaky_relu(convolve(x, w, b), 0.2).square()
        (slope,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
        (scores.sum() + 3 * slope.square().sum()).backward()
        found.append((slope.detach(), x.grad, w.grad, b.grad))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_frozen_weights_and_inputs() -> None:
    x, w = torch.randn(1, 2, 5, 5, requires_grad=True), torch.randn(3, 2, 3, 3)
    twice_differentiable_convolution(x, w).sum().backward()
    assert x.grad is not None and w.grad is None
    x, w = x.detach(), w.requires_grad_()
    twice_differentiable_convolution(x, w).sum().backward()
    assert w.grad is not None
