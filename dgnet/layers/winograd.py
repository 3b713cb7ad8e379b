"""3x3 convolutions with 36 products where the definition makes 144 (Winograd's F(4x4, 3x3)).

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016), Sec. 4.3. In one dimension four outputs of
three taps take six products instead of twelve, between six sums of the image and six sums of the taps: the outputs are
a polynomial's coefficients, and it is known by its values at 0, at four other points and at infinity. The paper takes
1, -1, 2 and -2; with 3/4, -3/4, 3/2 and -3/2 half as much is lost by rounding.

In two dimensions the same over rows, then over columns: 6x6 pixels of the image make 4x4 outputs. Over all tiles and
channels that is 36 matrix products between three passes of sums over memory, each one compiled kernel. In float32 the
rounding errors are about twice those of the plain convolution.

Images `[batch, channel, height, width]` in channels_last; stride 1, zero padding of 0 or 1.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from dgnet.layers.compiled import compiled

Sums = Callable[..., Sequence[Tensor]]
# Outputs of a tile in each direction, and pixels of the image that they see.
_TILE, _SEEN = 4, 6

# The points p, -p and q, -q, and what the values of the taps' polynomial there are divided by.
_P, _Q = 0.75, 1.5
_PP, _QQ = _P * _P, _Q * _Q
_BY_P, _BY_Q = 2 * _PP * (_PP - _QQ), 2 * _QQ * (_QQ - _PP)


def _of_image(a: Tensor, b: Tensor, c: Tensor, d: Tensor, e: Tensor, f: Tensor) -> Sequence[Tensor]:
    even_p, odd_p = e - _QQ * c, _P * (d - _QQ * b)
    even_q, odd_q = e - _PP * c, _Q * (d - _PP * b)
    first, last = _PP * _QQ * a - (_PP + _QQ) * c + e, _PP * _QQ * b - (_PP + _QQ) * d + f
    return first, even_p + odd_p, even_p - odd_p, even_q + odd_q, even_q - odd_q, last


def _of_taps(a: Tensor, b: Tensor, c: Tensor) -> Sequence[Tensor]:
    even_p, odd_p = (a + _PP * c) / _BY_P, _P / _BY_P * b
    even_q, odd_q = (a + _QQ * c) / _BY_Q, _Q / _BY_Q * b
    return a / (_PP * _QQ), even_p + odd_p, even_p - odd_p, even_q + odd_q, even_q - odd_q, c


def _of_products(a: Tensor, b: Tensor, c: Tensor, d: Tensor, e: Tensor, f: Tensor) -> Sequence[Tensor]:
    even_p, odd_p, even_q, odd_q = b + c, _P * (b - c), d + e, _Q * (d - e)
    return a + even_p + even_q, odd_p + odd_q, _PP * even_p + _QQ * even_q, _PP * odd_p + _QQ * odd_q + f


def _of_products_back(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Sequence[Tensor]:
    even_p, odd_p = a + _PP * c, _P * (b + _PP * d)
    even_q, odd_q = a + _QQ * c, _Q * (b + _QQ * d)
    return a, even_p + odd_p, even_p - odd_p, even_q + odd_q, even_q - odd_q, d


def _of_taps_back(a: Tensor, b: Tensor, c: Tensor, d: Tensor, e: Tensor, f: Tensor) -> Sequence[Tensor]:
    even_p, odd_p = (b + c) / _BY_P, _P / _BY_P * (b - c)
    even_q, odd_q = (d + e) / _BY_Q, _Q / _BY_Q * (d - e)
    return a / (_PP * _QQ) + even_p + even_q, odd_p + odd_q, _PP * even_p + _QQ * even_q + f


def _twice(sums: Sums, grid: Sequence[Sequence[Tensor]]) -> list[Sequence[Tensor]]:
    """`sums` over rows, then over columns: grid[row][column] -> the same of the results."""
    columns = [sums(*column) for column in zip(*grid, strict=True)]
    return [sums(*row) for row in zip(*columns, strict=True)]


def _flat(grid: Sequence[Sequence[Tensor]]) -> Tensor:
    return torch.stack([part for row in grid for part in row])


@compiled
def _image_sums(x: Tensor) -> Tensor:
    """`[36, tiles, channel]` of an image that is padded already."""
    high, wide = x.shape[2] - _SEEN + 1, x.shape[3] - _SEEN + 1
    pixels = x.permute(0, 2, 3, 1)
    grid = [[pixels[:, i : i + high : _TILE, j : j + wide : _TILE] for j in range(_SEEN)] for i in range(_SEEN)]
    return _flat(_twice(_of_image, grid)).view(_SEEN * _SEEN, -1, x.shape[1])


@compiled
def _output_gradient_sums(grad: Tensor) -> Tensor:
    """`[36, tiles, channel]` of a gradient of the output: the adjoint of `_outputs`."""
    pixels = grad.permute(0, 2, 3, 1)
    grid = [[pixels[:, i::_TILE, j::_TILE] for j in range(_TILE)] for i in range(_TILE)]
    return _flat(_twice(_of_products_back, grid)).view(_SEEN * _SEEN, -1, grad.shape[1])


@compiled
def _outputs(products: Tensor, batch: int, high: int, wide: int) -> Tensor:
    """`[36, tiles, channel]`, high x wide tiles in each image -> `[batch, channel, 4*high, 4*wide]`."""
    parts = products.view(_SEEN, _SEEN, batch, high, wide, products.shape[2])
    phases = _twice(_of_products, [list(row) for row in parts])
    cells = torch.stack([torch.stack(list(row), 3) for row in phases], 2)
    return cells.view(batch, _TILE * high, _TILE * wide, products.shape[2]).permute(0, 3, 1, 2)


@compiled
def _tap_sums(weight: Tensor) -> Tensor:
    """`[36, in, out]`."""
    taps = weight.permute(2, 3, 1, 0)
    return _flat(_twice(_of_taps, [list(row) for row in taps]))


@compiled
def _turned_tap_sums(weight: Tensor) -> Tensor:
    """`[36, out, in]` of the taps of the adjoint convolution: turned by 180 degrees."""
    taps = weight.permute(2, 3, 0, 1)
    return _flat(_twice(_of_taps, [[taps[2 - i, 2 - j] for j in range(3)] for i in range(3)]))


@compiled
def _tap_gradients(sums: Tensor) -> Tensor:
    """`[36, out, in]` -> `[out, in, 3, 3]`: the adjoint of `_tap_sums`, but for the order."""
    grid = _twice(_of_taps_back, [list(row) for row in sums.view(_SEEN, _SEEN, *sums.shape[1:])])
    return torch.stack([torch.stack(list(row), 1) for row in grid], 1).permute(0, 3, 1, 2)


def _in_tiles(x: Tensor, padding: int, more: int) -> Tensor:
    """`x` with zeros around it, and after it up to whole tiles; its size is a multiple of the tile's plus `more`."""
    below, right = (-(size + 2 * padding - more) % _TILE for size in x.shape[2:])
    sides = (padding, padding + right, padding, padding + below)
    return F.pad(x, sides) if any(sides) else x


def _multiply(x: Tensor, taps: Tensor, padding: int) -> Tensor:
    height, width = (size + 2 * padding - 2 for size in x.shape[2:])
    x = _in_tiles(x, padding, _SEEN - _TILE)
    batch, high, wide = len(x), x.shape[2] // _TILE, x.shape[3] // _TILE
    outputs = _outputs(torch.bmm(_image_sums(x), taps), batch, high, wide)
    return outputs[:, :, :height, :width].contiguous(memory_format=torch.channels_last)


def convolve(x: Tensor, weight: Tensor, padding: int) -> Tensor:
    """`F.conv2d(x, weight, padding=padding)`, weight `[out, in, 3, 3]`."""
    return _multiply(x, _tap_sums(weight), padding)


def input_gradient(grad: Tensor, weight: Tensor, padding: int) -> Tensor:
    """Of `convolve`'s output gradient `[batch, out, h, w]`."""
    return _multiply(grad, _turned_tap_sums(weight), 2 - padding)


def weight_gradient(grad: Tensor, x: Tensor, padding: int) -> Tensor:
    """Of `convolve`'s output gradient and input."""
    image, slope = _image_sums(_in_tiles(x, padding, _SEEN - _TILE)), _output_gradient_sums(_in_tiles(grad, 0, 0))
    return _tap_gradients(torch.bmm(slope.mT, image))
