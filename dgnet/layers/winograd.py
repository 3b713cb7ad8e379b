"""3x3 convolutions with 16 products where the definition makes 36 (Winograd's F(2x2, 3x3)).

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), Sec. 4.1. In one dimension two outputs of
three taps take four products instead of six, between four sums of the image and four sums of the taps:

    image d0..d3:  d0 - d2,  d1 + d2,  d2 - d1,  d1 - d3
    taps g0..g2:   g0,  (g0 + g1 + g2) / 2,  (g0 - g1 + g2) / 2,  g2
    products m0..m3:  y0 = m0 + m1 + m2,  y1 = m1 - m2 - m3

In two dimensions the same over rows, then over columns: 4x4 pixels of the image make 2x2 outputs. Over all tiles and
channels that is sixteen matrix products between three passes of sums over memory, each one compiled kernel. In float32
its rounding errors are no larger than the plain convolution's (fewer terms are added up).

Images `[batch, channel, height, width]` in channels_last, even height and width; stride 1, zero padding of 0 or 1.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from dgnet.layers.constant import from_weight
from dgnet.layers.fused import fused

Sums = Callable[..., Sequence[Tensor]]
# Bytes of one product's operand that stay in the last-level cache while all sixteen are made.
_WORKING_SET = 2**22


def _of_image(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Sequence[Tensor]:
    return a - c, b + c, c - b, b - d


def _of_taps(a: Tensor, b: Tensor, c: Tensor) -> Sequence[Tensor]:
    half, quarter = (a + c) / 2, b / 2
    return a, half + quarter, half - quarter, c


def _of_products(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Sequence[Tensor]:
    return a + b + c, b - c - d


def _of_products_back(a: Tensor, b: Tensor) -> Sequence[Tensor]:
    return a, a + b, a - b, -b


def _of_taps_back(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Sequence[Tensor]:
    return a + (b + c) / 2, (b - c) / 2, (b + c) / 2 + d


def _twice(sums: Sums, grid: Sequence[Sequence[Tensor]]) -> list[Sequence[Tensor]]:
    """`sums` over rows, then over columns: grid[row][column] -> the same of the results."""
    columns = [sums(*column) for column in zip(*grid, strict=True)]
    return [sums(*row) for row in zip(*columns, strict=True)]


def _flat(grid: Sequence[Sequence[Tensor]]) -> Tensor:
    return torch.stack([part for row in grid for part in row])


@fused
def _image_sums(x: Tensor) -> Tensor:
    """`[16, tiles, channel]` of an image that is padded already."""
    high, wide = x.shape[2] - 3, x.shape[3] - 3
    pixels = x.permute(0, 2, 3, 1)
    grid = [[pixels[:, i : i + high : 2, j : j + wide : 2] for j in range(4)] for i in range(4)]
    return _flat(_twice(_of_image, grid)).view(16, -1, x.shape[1])


@fused
def _output_gradient_sums(grad: Tensor) -> Tensor:
    """`[16, tiles, channel]` of a gradient of the output: the adjoint of `_outputs`."""
    pixels = grad.permute(0, 2, 3, 1)
    grid = [[pixels[:, i::2, j::2] for j in range(2)] for i in range(2)]
    return _flat(_twice(_of_products_back, grid)).view(16, -1, grad.shape[1])


@fused
def _outputs(products: Tensor, batch: int, high: int, wide: int) -> Tensor:
    """`[16, tiles, channel]`, high x wide tiles in each image -> `[batch, channel, 2*high, 2*wide]`."""
    parts = products.view(4, 4, batch, high, wide, products.shape[2])
    phases = _twice(_of_products, [list(row) for row in parts])
    cells = torch.stack([torch.stack(list(row), 3) for row in phases], 2)
    return cells.view(batch, 2 * high, 2 * wide, products.shape[2]).permute(0, 3, 1, 2)


@fused
def _tap_sums(weight: Tensor) -> Tensor:
    """`[16, out, in]`."""
    taps = weight.permute(2, 3, 0, 1)
    return _flat(_twice(_of_taps, [list(row) for row in taps]))


@fused
def _turned_tap_sums(weight: Tensor) -> Tensor:
    """`[16, in, out]` of the taps of the adjoint convolution: turned by 180 degrees."""
    taps = weight.permute(2, 3, 1, 0)
    return _flat(_twice(_of_taps, [[taps[2 - i, 2 - j] for j in range(3)] for i in range(3)]))


@fused
def _tap_gradients(sums: Tensor) -> Tensor:
    """`[16, out, in]` -> `[out, in, 3, 3]`: the adjoint of `_tap_sums`."""
    grid = _twice(_of_taps_back, [list(row) for row in sums.view(4, 4, *sums.shape[1:])])
    return torch.stack([torch.stack(list(row), 1) for row in grid], 1).permute(0, 3, 1, 2)


def _in_parts(batch: int, bytes_per_image: int) -> range:
    """Firsts of the slices of a batch, and as step their size."""
    return range(0, batch, max(1, min(batch, _WORKING_SET // bytes_per_image)))


def _multiply(x: Tensor, taps: Tensor, padding: int) -> Tensor:
    x = F.pad(x, (padding, padding, padding, padding)) if padding else x
    high, wide = x.shape[2] // 2 - 1, x.shape[3] // 2 - 1
    parts = _in_parts(len(x), 16 * high * wide * max(taps.shape[1:]) * x.element_size())
    made = [_outputs(torch.bmm(_image_sums(part), taps.mT), len(part), high, wide) for part in x.split(parts.step)]
    return made[0] if len(made) == 1 else torch.cat(made)


def convolve(x: Tensor, weight: Tensor, padding: int) -> Tensor:
    """`F.conv2d(x, weight, padding=padding)`, weight `[out, in, 3, 3]`."""
    return _multiply(x, from_weight(weight, _tap_sums), padding)


def input_gradient(grad: Tensor, weight: Tensor, padding: int) -> Tensor:
    """Of `convolve`'s output gradient `[batch, out, h, w]`."""
    return _multiply(grad, from_weight(weight, _turned_tap_sums), 2 - padding)


def weight_gradient(grad: Tensor, x: Tensor, padding: int) -> Tensor:
    """Of `convolve`'s output gradient and input."""
    x = F.pad(x, (padding, padding, padding, padding)) if padding else x
    tiles = grad.shape[2] * grad.shape[3] // 4
    parts = _in_parts(len(x), 16 * tiles * max(x.shape[1], grad.shape[1]) * x.element_size())
    total = None
    for image, slope in zip(x.split(parts.step), grad.split(parts.step), strict=True):
        factors = _output_gradient_sums(slope).mT, _image_sums(image)
        total = torch.bmm(*factors) if total is None else total.baddbmm_(*factors)
    assert total is not None
    return _tap_gradients(total)
