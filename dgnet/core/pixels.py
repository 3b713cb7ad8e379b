"""The one place that knows pixels: value ranges, mean and standard deviation, gray, edges, resizing.

Three representations exist and nothing else does:

- **uint8** images, 0..255, channels first, as decoded from a file;
- **normalized** images: `(uint8 / 255 - MEAN) / STD`, what every network sees and what the decoder makes;
- **structure** images: one channel computed from a normalized image, what the structure encoder sees.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from dgnet.core.device_copies import constant, to_device

# ImageNet statistics: every pretrained trunk of the field expects them.
MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


def _channel_constant(values: tuple[float, float, float], like: Tensor) -> Tensor:
    return constant(values, like).view(3, 1, 1)


def normalize(
    images: UInt8[Tensor, "*batch 3 height width"], dtype: torch.dtype = torch.float32
) -> Float[Tensor, "*batch 3 height width"]:
    """uint8 images (0..255) -> normalized images."""
    images = images.to(dtype, copy=True)
    return images.div_(255).sub_(_channel_constant(MEAN, images)).div_(_channel_constant(STD, images))


def to_uint8(images: Float[Tensor, "*batch 3 height width"]) -> UInt8[Tensor, "*batch 3 height width"]:
    """Normalized images -> uint8 images; values outside the displayable range are clipped."""
    images = images.detach().float()
    unit = images * _channel_constant(STD, images) + _channel_constant(MEAN, images)
    return (unit * 255).round_().clamp_(0, 255).to(torch.uint8)


def gray(images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 1 height width"]:
    """The structure image of DG-Net: the plain mean over the three normalized channels (not a luma)."""
    return images.mean(dim=1, keepdim=True)


def mix_colors(images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 3 height width"]:
    """Each image as a random wave over its colors, `sin(k * (direction . color) + phase)`, in all three channels.

    What had one color still has one, so shapes stay; how bright or colored it was, and how strongly it stood out from
    what is beside it, is lost: `k` is uniform in 0.6..2.6 per standard deviation of a channel. Values
    lie in -1..1. Draws from torch's default generator.
    """

    def draw(sample: Callable[..., Tensor], channels: int = 1) -> Tensor:
        return to_device(sample(len(images), channels, 1, 1, dtype=images.dtype), images.device)

    direction = F.normalize(draw(torch.randn, 3), dim=1)
    steepness, phase = 0.6 + 2 * draw(torch.rand), 2 * math.pi * draw(torch.rand)
    along = (direction * images).sum(dim=1, keepdim=True)
    return torch.sin(steepness * along + phase).expand_as(images)


def edge(images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 1 height width"]:
    """Gradient magnitude of the gray structure image by 3x3 Sobel filters with replicated borders."""
    plane = F.pad(gray(images), (1, 1, 1, 1), mode="replicate")
    smooth, slope = constant((1.0, 2.0, 1.0), images), constant((-1.0, 0.0, 1.0), images)
    horizontal = F.conv2d(plane, torch.outer(smooth, slope).view(1, 1, 3, 3))
    vertical = F.conv2d(plane, torch.outer(slope, smooth).view(1, 1, 3, 3))
    return torch.sqrt(horizontal.square() + vertical.square() + 1e-12)


# Contrast, in standard deviations of a channel per pixel, at which each contour map reaches a half: about three and
# ten levels of 255.
CONTOUR_CONTRASTS = (0.05, 0.2)


def contours(images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 4 height width"]:
    """Where the colors change and in which direction, with little of how much or which is the brighter side.

    From the gradients of all three channels (Di Zenzo, "A note on the gradient of a multi-image", 1986): magnitude m
    as m / (m + c), 0..1, for both `CONTOUR_CONTRASTS`, then the first of these times cosine and sine of twice the
    angle, which are the same for an edge from dark to bright and from bright to dark. Differentiable.

    >>> contours(torch.zeros(1, 3, 8, 8)).abs().max() < 1e-2
    tensor(True)
    """
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    across, down = padded[..., 2:] - padded[..., :-2], padded[..., 2:, :] - padded[..., :-2, :]
    # Sobel filters by sums: a convolution would round to bf16 in that precision.
    horizontal = (across[..., :-2, :] + 2 * across[..., 1:-1, :] + across[..., 2:, :]) / 8
    vertical = (down[..., :-2] + 2 * down[..., 1:-1] + down[..., 2:]) / 8
    both = 2 * (horizontal * vertical).sum(dim=1, keepdim=True)
    horizontal, vertical = (plane.square().sum(dim=1, keepdim=True) for plane in (horizontal, vertical))
    energy = horizontal + vertical
    magnitude = (energy + 1e-8).sqrt()
    weak, strong = (magnitude / (magnitude + contrast) for contrast in CONTOUR_CONTRASTS)
    direction = weak / (energy + 1e-4)
    return torch.cat([weak, strong, direction * (horizontal - vertical), direction * both], dim=1)


def background(images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 3 height/4 width/4"]:
    """Estimated colors of the background, at a quarter of the resolution: the mean of the outer eighth of every row on
    the left, blended across the image into that on the right.

    Tells the scene and its illumination, and nothing of clothes as long as the person stands in the middle.
    """
    height, width = images.shape[-2:]
    margin = max(width // 8, 1)
    left, right = (
        F.adaptive_avg_pool2d(side, (height // 4, 1)) for side in (images[..., :margin], images[..., -margin:])
    )
    across = torch.linspace(0, 1, width // 4, dtype=images.dtype, device=images.device)
    return torch.lerp(left, right, across)


def hide_cells(
    shapes: Float[Tensor, "batch channel height width"], share: float, cell: int = 8
) -> Float[Tensor, "batch channel height width"]:
    """The structure image with random cells of 8x8 pixels set to zero, so that no single edge is relied on.

    Of each image another share is hidden, uniform in 0..`share`. Draws from torch's default generator.
    """
    height, width = -(-shapes.shape[-2] // cell), -(-shapes.shape[-1] // cell)
    draws = torch.rand(len(shapes), 1, height, width), torch.rand(len(shapes), 1, 1, 1)
    cells, shares = (to_device(draw, shapes.device) for draw in draws)
    shown = (cells >= share * shares).to(shapes.dtype)
    shown = shown.repeat_interleave(cell, 2).repeat_interleave(cell, 3)
    return shapes * shown[..., : shapes.shape[-2], : shapes.shape[-1]]


def resize(images: UInt8[Tensor, "batch 3 _h _w"], height: int, width: int) -> UInt8[Tensor, "batch 3 height width"]:
    """Antialiased bicubic resize of uint8 images: the filter that Pillow and the official transforms use."""
    if images.shape[-2:] == (height, width):
        return images
    return F.interpolate(images, size=(height, width), mode="bicubic", antialias=True)
