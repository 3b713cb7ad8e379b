"""Upsampling and 5x5 convolution in one: equal to the two, at the borders too."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from dgnet.layers.convolution import ConvolutionBlock
from dgnet.layers.upsample import upsampled_convolution
from tests.oracles.slow_norms import slow_upsample_conv

# The smallest plane that can be reflected by two after doubling has two pixels a side.
SIZES = ((5, 4), (2, 2), (2, 7), (6, 2), (3, 3))


def values(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def arguments(size: tuple[int, int]) -> list[Tensor]:
    return [values(0, 2, 3, *size), values(1, 4, 3, 5, 5), values(2, 4)]


def in_two(x: Tensor, weight: Tensor, bias: Tensor, padding: str = "reflect", mode: str = "nearest") -> Tensor:
    larger = F.interpolate(x, scale_factor=2, mode=mode)
    return F.conv2d(F.pad(larger, [2] * 4, mode=padding), weight, bias)


@pytest.mark.parametrize("size", SIZES)
def test_values_and_gradients(size: tuple[int, int]) -> None:
    results = []
    for function in (upsampled_convolution, slow_upsample_conv):
        inputs = [tensor.requires_grad_() for tensor in arguments(size)]
        y = function(*inputs)
        (y * values(9, *y.shape)).sum().backward()
        results.append([y.detach(), *(tensor.grad for tensor in inputs)])
    for mine, theirs in zip(*results, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-10)


def test_gradient_by_finite_differences() -> None:
    inputs = [values(0, 1, 2, 3, 2), values(1, 2, 2, 5, 5), values(2, 2)]
    assert torch.autograd.gradcheck(upsampled_convolution, [tensor.requires_grad_() for tensor in inputs])


@pytest.mark.parametrize("place", [(0, 0), (0, 3), (4, 0), (4, 3), (2, 1), (0, 1), (3, 3)])
def test_one_bright_pixel_spreads_as_it_should(place: tuple[int, int]) -> None:
    """Corners, edges and the middle apart: a wrong tap of one border cannot hide in an average."""
    x, weight, bias = arguments((5, 4))
    x = torch.zeros_like(x)
    x[:, :, place[0], place[1]] = 1
    torch.testing.assert_close(upsampled_convolution(x, weight, bias), in_two(x, weight, bias), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.bfloat16, 0.15)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_other_precisions_and_layouts(dtype: torch.dtype, tolerance: float, layout: torch.memory_format) -> None:
    inputs = [tensor.to(dtype) for tensor in arguments((6, 4))]
    exact = in_two(*(tensor.double() for tensor in inputs))
    inputs[0] = inputs[0].to(memory_format=layout)
    y = upsampled_convolution(*inputs)
    assert y.dtype == dtype
    assert (y.double() - exact).abs().max() < tolerance * exact.abs().max()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x, w, b: in_two(x, w, b, padding="replicate"),
        lambda x, w, b: in_two(x, w, b, mode="bilinear"),
        lambda x, w, b: in_two(x, w.flip(3), b),
        lambda x, w, b: F.conv2d(F.interpolate(x, scale_factor=2), w, b, padding=2),
    ],
)
def test_a_neighboring_formula_is_told_apart(wrong) -> None:
    inputs = arguments((5, 4))
    assert (upsampled_convolution(*inputs) - wrong(*inputs)).abs().max() > 1e-3


def test_the_block_doubles_before_its_convolution() -> None:
    torch.manual_seed(0)
    block = ConvolutionBlock(3, 4, 5, norm="sample", upsample=True).double()
    x = values(0, 2, 3, 5, 4)
    convolved = slow_upsample_conv(x, block.convolution.weight, block.convolution.bias)
    torch.testing.assert_close(block(x), block.normalize(convolved), rtol=1e-10, atol=1e-10)
    for option in ({"kernel": 3}, {"kernel": 5, "stride": 2}, {"kernel": 5, "dilation": 2}):
        with pytest.raises(ValueError, match="kernel=5"):
            ConvolutionBlock(3, 4, upsample=True, **option)
