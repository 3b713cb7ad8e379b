"""Part colors: the person as a few soft parts, each of one color, which the appearance image gives.

Another structure encoder and decoder for DG-Net, which learn shapes and colors in hundreds of iterations from random
weights, where the paper's need tens of thousands (not in the paper; parts without labels as in Lorenz et al.,
"Unsupervised Part-Based Disentangling of Object Shape and Appearance", CVPR 2019). From the contours of an image the
encoder draws

- masks: to which of the parts, or to the surroundings, each pixel belongs, and how light falls on it;
- where in this image the color of each part is to be read, when it is the appearance image.

The colors read are the appearance. The decoder fills the masks of the structure image with them at half the size, and
takes the finest detail from its gray image by guided upsampling (`dgnet.layers.guided`).
"""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from dgnet.core import pixels
from dgnet.layers.convolution import ConvolutionBlock
from dgnet.layers.guided import doubled, guided_detail
from dgnet.layers.norm import wide

# The logits of the masks are this many times the output of a convolution: masks become distinct sooner.
SHARPNESS = 3.0
# How far the light on a pixel changes its color, as a share, for an output of one.
SHADING = 0.3
# Black is about two standard deviations below the mean of normalized images: light multiplies what lies above that.
BLACK = -2.0
# Pixels of the gray image in one pixel of the structure code.
GRAY_CHANNELS = 16
# Mean and deviation of the three colors beside the person.
LIGHT_SIZE = 6
FREQUENCIES = 4


class PartEncoder(nn.Module):
    """Contours -> structure code at a quarter of the resolution: a U-Net down to a sixteenth.

    The code's channels are, in this order: masks and shading at a quarter of the size (parts + 2), what is added to
    them at half the size (4 times as many), where the colors are read (parts), the colors beside the person (3) and
    the pixels of the gray image (16).

    Args:
        channels: width; 12 is `configs/demo.yaml`'s.
        parts: number of colors.
        image_channels: of the structure image.
    """

    def __init__(self, channels: int, parts: int, image_channels: int) -> None:
        super().__init__()
        self.parts = parts
        width, painted = channels, parts + 2
        self.stem = _block(4 * image_channels, 2 * width)
        self.quarter = nn.Sequential(_block(2 * width, 4 * width, stride=2))
        self.place = _block(4 * width + 2 * FREQUENCIES, 4 * width)
        self.eighth = _block(4 * width, 6 * width, stride=2)
        self.sixteenth = nn.Sequential(_block(6 * width, 8 * width, stride=2), _block(8 * width, 8 * width))
        self.up_eighth = _block(14 * width, 6 * width)
        self.up_quarter = _block(10 * width, 6 * width)
        self.masks = nn.Conv2d(6 * width, painted + parts, 3, padding=1)
        self.to_half = nn.Conv2d(6 * width, 2 * width, 1)
        self.up_half = _block(4 * width, 2 * width)
        self.fine_masks = nn.Conv2d(2 * width, painted, 3, padding=1)

    @property
    def learned_channels(self) -> int:
        """Channels of the code that the network makes; the others are pixels of the image."""
        return 5 * (self.parts + 2) + self.parts

    def initialize(self) -> None:
        """Masks begin nearly even, and those at half the size with nothing to add."""
        self.masks.reset_parameters()
        nn.init.zeros_(self.fine_masks.weight)

    def forward(
        self,
        x: Float[Tensor, "batch image height width"],
        surroundings: Float[Tensor, "batch 3 height/4 width/4"],
        gray: Float[Tensor, "batch 1 height width"],
    ) -> Float[Tensor, "batch code height/4 width/4"]:
        half = self.stem(F.pixel_unshuffle(x, 2))
        quarter = self.quarter(half)
        quarter = self.place(torch.cat([quarter, _places(quarter)], dim=1))
        eighth = self.eighth(quarter)
        eighth = self.up_eighth(torch.cat([_repeated(self.sixteenth(eighth)), eighth], dim=1))
        quarter = self.up_quarter(torch.cat([_repeated(eighth), quarter], dim=1))
        fine = self.fine_masks(self.up_half(torch.cat([_repeated(self.to_half(quarter)), half], dim=1)))
        masks, reading = self.masks(quarter).split([self.parts + 2, self.parts], dim=1)
        learned = [masks, F.pixel_unshuffle(fine, 2), reading]
        given = [surroundings, F.pixel_unshuffle(gray, 4)]
        return torch.cat([*map(wide, learned), *map(wide, given)], dim=1)


def part_colors(
    structure_code: Float[Tensor, "batch code height width"],
    images: Float[Tensor, "batch 3 4*height 4*width"],
    parts: int,
) -> Float[Tensor, "batch colors"]:
    """The color of each part in the images that the code was made of, then mean and deviation of those beside it.

    A color is the mean of the image at a quarter of its size, weighted by the softmax of where it is to be read.
    """
    reading = structure_code[:, 5 * (parts + 2) : 5 * (parts + 2) + parts]
    with torch.autocast(images.device.type, enabled=False):
        weights = (SHARPNESS * wide(reading)).flatten(2).softmax(dim=2)
        colors = weights @ F.avg_pool2d(wide(images), 4).flatten(2).mT
        return torch.cat([colors.flatten(1), _light(pixels.surroundings(wide(images)))], dim=1)


class PartDecoder(nn.Module):
    """Structure code + part colors -> image.

    Args:
        parts: as the encoder's.
    """

    def __init__(self, parts: int) -> None:
        super().__init__()
        self.parts = parts
        self.colors_size = 3 * parts + LIGHT_SIZE
        # How much of the detail is added, at half and at full size.
        self.gain = nn.Parameter(torch.ones(2))
        self.light = nn.Sequential(nn.Linear(2 * LIGHT_SIZE, 32), nn.ReLU(), nn.Linear(32, 6))

    def initialize(self) -> None:
        """The light begins as that of the appearance image."""
        last = self.light[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(
        self,
        structure_code: Float[Tensor, "batch code height width"],
        appearance_code: Float[Tensor, "batch appearance"],
    ) -> Float[Tensor, "batch 3 4*height 4*width"]:
        """Normalized images."""
        return self.decode(structure_code, self.styles(appearance_code))

    def styles(self, appearance_code: Float[Tensor, "batch appearance"]) -> Float[Tensor, "batch colors"]:
        """The end of the appearance code: part colors and light."""
        return appearance_code[:, -self.colors_size :]

    def decode(
        self,
        structure_code: Float[Tensor, "batch code height width"],
        styles: Float[Tensor, "batch colors"],
    ) -> Float[Tensor, "batch 3 4*height 4*width"]:
        """The image, from the output of `styles`."""
        painted = self.parts + 2
        with torch.autocast(structure_code.device.type, enabled=False):
            masks, fine, _, surroundings, gray = wide(structure_code).split(
                [painted, 4 * painted, self.parts, 3, GRAY_CHANNELS], dim=1
            )
            gray = F.pixel_shuffle(gray, 4)
            half_gray, quarter_gray = F.avg_pool2d(gray, 2), F.avg_pool2d(gray, 4)
            colors = self.lit(wide(styles), surroundings)
            quarter = self.paint(masks, surroundings, colors)
            half = self.paint(doubled(masks) + F.pixel_shuffle(fine, 2), doubled(surroundings), colors)
            half = half + self.gain[0] * guided_detail(quarter, quarter_gray, half_gray)
            return doubled(half) + self.gain[1] * guided_detail(half, half_gray, gray)

    def lit(
        self, styles: Float[Tensor, "batch colors"], surroundings: Float[Tensor, "batch 3 _ _"]
    ) -> Float[Tensor, "batch part 3"]:
        """The colors of the parts in the light of the structure image."""
        colors, light = styles.split([3 * self.parts, LIGHT_SIZE], dim=1)
        gain, bias = self.light(torch.cat([light, _light(surroundings)], dim=1))[:, None].chunk(2, dim=2)
        return (colors.unflatten(1, (self.parts, 3)) - BLACK) * (1 + gain) + BLACK + bias

    def paint(self, masks: Tensor, surroundings: Tensor, colors: Tensor) -> Float[Tensor, "batch 3 height width"]:
        """Fill the masks `[batch, parts + 2, height, width]` with the colors `[batch, part, 3]`."""
        logits, shading = masks.split([self.parts + 1, 1], dim=1)
        shares = (SHARPNESS * logits).softmax(dim=1)
        image = torch.einsum("bphw,bpc->bchw", shares[:, :-1], colors) + shares[:, -1:] * surroundings
        return (image - BLACK) * (1 + SHADING * shading) + BLACK


def _block(in_channels: int, out_channels: int, stride: int = 1) -> ConvolutionBlock:
    return ConvolutionBlock(in_channels, out_channels, 3, stride=stride, norm="instance")


def _repeated(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def _places(like: Tensor) -> Float[Tensor, "batch place height width"]:
    """Cosines over height and width: where in the image a pixel is, which convolutions do not know."""
    height, width = like.shape[-2:]
    waves = []
    for frequency in range(1, FREQUENCIES + 1):
        down, across = (
            torch.cos(torch.linspace(0, frequency * math.pi, size, device=like.device, dtype=like.dtype))
            for size in (height, width)
        )
        waves += [down[:, None].expand(height, width), across.expand(height, width)]
    return torch.stack(waves).expand(len(like), -1, -1, -1)


def _light(surroundings: Float[Tensor, "batch 3 _ _"]) -> Float[Tensor, "batch 6"]:
    deviation, mean = torch.std_mean(surroundings, dim=(2, 3))
    return torch.cat([mean, deviation], dim=1)
