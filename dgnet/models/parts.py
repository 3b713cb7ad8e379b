"""Part colors: the person as a few soft parts, each of one color, which the appearance image gives.

Another structure encoder and decoder for DG-Net, for short trainings from random weights. They are not in the paper;
parts without labels are those of Lorenz et al., "Unsupervised Part-Based Disentangling of Object Shape and
Appearance", CVPR 2019. From the contours of an image the encoder predicts soft segmentation masks (to which part, or to
the background, each pixel belongs), the shading of each pixel, and for each part a map of spatial attention: the color
of the part in this image is the mean under it. These colors are the appearance. The decoder fills the masks with them
at half or a quarter of the size, takes the detail from the gray structure image by guided upsampling
(`dgnet.layers.guided`), and keeps the structure image where the background has a high probability.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from dgnet.core import pixels
from dgnet.layers.guided import guided_detail, upsampled
from dgnet.layers.norm import at_least_float32

MaskStride = Literal[2, 4]
# Of the softmax over masks and over attention: parts become distinct sooner.
INVERSE_TEMPERATURE = 3.0
# Relative change of a pixel's color for a shading of one.
SHADING = 0.3
# Black is about two standard deviations below the mean of normalized images: illumination multiplies what lies above.
BLACK = -2.0
# Pixels of the structure image, in three colors, in one pixel of the structure code.
PIXEL_CHANNELS = 48
# Background probabilities between which the decoded image is blended into the structure image.
BACKGROUND_RANGE = (0.6, 0.9)
# The illumination of an image: mean and standard deviation of each channel of its background.
ILLUMINATION_SIZE = 6
# A learned positional embedding, resized to the code's size: convolutions do not know where in the image a pixel is.
POSITION_CHANNELS, POSITION_SIZE = 8, (24, 12)


class PartEncoder(nn.Module):
    """Contours -> structure code at a quarter of the resolution: a U-Net (Ronneberger et al. 2015) to a sixteenth.

    The code's channels are, in this order: logits of the parts and of the background, shading (parts + 2; with masks at
    half the size four pixels of each), attention (parts), the background's colors (3) and the pixels of the image (48).

    Args:
        channels: width; 12 is that of `configs/demo.yaml`.
        parts: number of colors.
        image_channels: of the structure image.
        mask_stride: pixels of the image, in rows and in columns, for one of the masks.
    """

    def __init__(self, channels: int, parts: int, image_channels: int, mask_stride: MaskStride = 2) -> None:
        super().__init__()
        width = channels
        # Channels of the code that the network predicts; the others are taken from the image.
        self.learned_channels = mask_channels(parts, mask_stride) + parts
        self.stem = _block(4 * image_channels, 2 * width)
        self.quarter = _block(2 * width, 4 * width, stride=2)
        # In two dimensions: Muon, which takes more, would make its rows orthogonal.
        self.position = nn.Parameter(torch.randn(POSITION_CHANNELS, POSITION_SIZE[0] * POSITION_SIZE[1]) / 2)
        self.with_position = _block(4 * width + POSITION_CHANNELS, 4 * width)
        self.eighth = _block(4 * width, 6 * width, stride=2)
        self.sixteenth = nn.Sequential(_block(6 * width, 8 * width, stride=2), _block(8 * width, 8 * width))
        self.up_eighth = _block(14 * width, 6 * width)
        self.up_quarter = _block(10 * width, 6 * width)
        self.attention = nn.Conv2d(6 * width, parts, 3, padding=1)
        self.up_half = _block(8 * width, 3 * width) if mask_stride == 2 else None
        self.masks = nn.Conv2d((6 if self.up_half is None else 3) * width, parts + 2, 3, padding=1)

    def forward(
        self,
        x: Float[Tensor, "batch image height width"],
        background: Float[Tensor, "batch 3 height/4 width/4"],
        images: Float[Tensor, "batch 3 height width"],
    ) -> Float[Tensor, "batch code height/4 width/4"]:
        half = self.stem(F.pixel_unshuffle(x, 2))
        quarter = self.quarter(half)
        position = self.position.view(1, POSITION_CHANNELS, *POSITION_SIZE)
        position = F.interpolate(position, size=quarter.shape[-2:], mode="bilinear").to(quarter.dtype)
        quarter = self.with_position(torch.cat([quarter, position.expand(len(x), -1, -1, -1)], dim=1))
        eighth = self.eighth(quarter)
        eighth = self.up_eighth(torch.cat([_upsampled(self.sixteenth(eighth)), eighth], dim=1))
        quarter = self.up_quarter(torch.cat([_upsampled(eighth), quarter], dim=1))
        if self.up_half is None:
            masks = self.masks(quarter)
        else:
            half = self.up_half(torch.cat([_upsampled(quarter), half], dim=1))
            masks = F.pixel_unshuffle(self.masks(half), 2)
        code = masks, self.attention(quarter), background, F.pixel_unshuffle(images, 4)
        return torch.cat([*map(at_least_float32, code)], dim=1)


def part_colors(
    structure_code: Float[Tensor, "batch code height width"],
    images: Float[Tensor, "batch 3 4*height 4*width"],
    parts: int,
    mask_stride: MaskStride = 2,
) -> Float[Tensor, "batch colors"]:
    """The color of each part in the images that were encoded, then their illumination.

    A color is the mean of the image at a quarter of its size, weighted by the softmax of the part's attention.
    """
    with torch.autocast(images.device.type, enabled=False):
        images = at_least_float32(images)
        attention = at_least_float32(structure_code[:, mask_channels(parts, mask_stride) :][:, :parts])
        weights = (INVERSE_TEMPERATURE * attention).flatten(2).softmax(dim=2)
        colors = weights @ F.avg_pool2d(images, 4).flatten(2).mT
        return torch.cat([colors.flatten(1), _illumination(pixels.background(images))], dim=1)


@dataclass(frozen=True)
class SplitCode:
    """The structure code, taken apart for the decoder."""

    masks: Float[Tensor, "batch mask _ _"]  # logits of the parts and of the background, shading
    background: Float[Tensor, "batch 3 _ _"]  # its colors, at a quarter of the size
    images: Float[Tensor, "batch 3 _ _"]  # the structure images


class PartDecoder(nn.Module):
    """Structure code + part colors -> image.

    Args:
        parts: as the encoder's.
        detail_gain: of the structure image's detail.
        mask_stride: as the encoder's.
    """

    def __init__(self, parts: int, detail_gain: float = 1, mask_stride: MaskStride = 2) -> None:
        super().__init__()
        self.parts = parts
        self.mask_stride: MaskStride = mask_stride
        self.detail_gain = detail_gain
        self.colors_size = 3 * parts + ILLUMINATION_SIZE
        # Illumination of both images -> gain and bias of the colors; at the start the colors stay as they are.
        self.relighting = nn.Sequential(nn.Linear(2 * ILLUMINATION_SIZE, 32), nn.ReLU(), nn.Linear(32, 6))
        last = self.relighting[-1]
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
        """Part colors and illumination: the end of the appearance code."""
        return appearance_code[:, -self.colors_size :]

    def decode(
        self,
        structure_code: Float[Tensor, "batch code height width"],
        styles: Float[Tensor, "batch colors"],
    ) -> Float[Tensor, "batch 3 4*height 4*width"]:
        """The image, from the output of `styles`, on the background of the structure image."""
        code = self.split(structure_code)
        with torch.autocast(code.images.device.type, enabled=False):
            return self.keep_background(code, *self.upsample(code, self._fill(code, styles)))

    def reconstruct(
        self,
        structure_code: Float[Tensor, "batch code height width"],
        styles: Float[Tensor, "batch colors"],
    ) -> Float[Tensor, "batch 3 _ _"]:
        """The image at the masks' size: the upsampling has nothing to learn, and took a third of the time.

        Its background is decoded, too: one that is kept would have no reconstruction loss.
        """
        code = self.split(structure_code)
        with torch.autocast(code.images.device.type, enabled=False):
            return self._fill(code, styles)[:, :3]

    def _fill(self, code: SplitCode, styles: Tensor) -> Tensor:
        return self.fill(code, self.relight(styles, code.background))

    def split(self, structure_code: Float[Tensor, "batch code height width"]) -> SplitCode:
        """The parts of the code that an image is drawn from; the attention is that of `part_colors`."""
        sizes = [mask_channels(self.parts, self.mask_stride), self.parts, 3, PIXEL_CHANNELS]
        masks, _, background, images = structure_code.split(sizes, dim=1)
        return SplitCode(F.pixel_shuffle(masks, 4 // self.mask_stride), background, F.pixel_shuffle(images, 4))

    def fill(self, code: SplitCode, colors: Float[Tensor, "batch part 3"]) -> Float[Tensor, "batch 4 _ _"]:
        """At the masks' size: the masks filled with colors, with shading, and the background's probability."""
        logits, shading = code.masks.split([self.parts + 1, 1], dim=1)
        probabilities = (INVERSE_TEMPERATURE * logits).softmax(dim=1)
        person, rest = probabilities[:, :-1], probabilities[:, -1:]
        background = code.background if self.mask_stride == 4 else _upsampled(code.background)
        image = torch.einsum("bphw,bpc->bchw", person, colors) + rest * background
        return torch.cat([(image - BLACK) * (1 + SHADING * shading) + BLACK, rest], dim=1)

    def upsample(
        self, code: SplitCode, small: Float[Tensor, "batch 4 _ _"]
    ) -> tuple[Float[Tensor, "batch 3 height width"], Float[Tensor, "batch 1 height width"]]:
        """The image, and the background's probability in each pixel, from both at half or a quarter of the size."""
        gray = pixels.gray(code.images)
        stride = code.images.shape[-1] // small.shape[-1]
        while stride > 1:
            guide, fine = F.avg_pool2d(gray, stride), F.avg_pool2d(gray, stride // 2)
            small = upsampled(small) + self.detail_gain * guided_detail(small, guide, fine)
            stride //= 2
        image, background = small.split([3, 1], dim=1)
        return image, background

    def keep_background(self, code: SplitCode, image: Tensor, background: Tensor) -> Tensor:
        """The image, blended into the structure image where the background has a high probability."""
        low, high = BACKGROUND_RANGE
        # Without a gradient: a pixel that is kept does not tell where the masks should be.
        weight = ((background.detach() - low) / (high - low)).clamp(0, 1)
        return torch.lerp(image, code.images, weight)

    def relight(
        self, styles: Float[Tensor, "batch colors"], background: Float[Tensor, "batch 3 _ _"]
    ) -> Float[Tensor, "batch part 3"]:
        """The colors of the parts under the illumination of the structure image."""
        colors, illumination = styles.split([3 * self.parts, ILLUMINATION_SIZE], dim=1)
        both = torch.cat([illumination, _illumination(background)], dim=1)
        gain, bias = self.relighting(both)[:, None].chunk(2, dim=2)
        return (colors.unflatten(1, (self.parts, 3)) - BLACK) * (1 + gain) + BLACK + bias


def mask_channels(parts: int, mask_stride: MaskStride) -> int:
    """Channels of the structure code that hold the masks and the shading."""
    return (4 // mask_stride) ** 2 * (parts + 2)


def _block(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))


def _upsampled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def _illumination(background: Float[Tensor, "batch 3 _ _"]) -> Float[Tensor, "batch 6"]:
    deviation, mean = torch.std_mean(background, dim=(2, 3))
    return torch.cat([mean, deviation], dim=1)
