"""Part colors: the person as a few soft parts, each of one color, which the appearance image gives.

Another structure encoder and decoder for DG-Net, for short trainings from random weights. They are not in the paper;
parts without labels are those of Lorenz et al., "Unsupervised Part-Based Disentangling of Object Shape and
Appearance", CVPR 2019. From the contours of an image the encoder draws soft segmentation masks (to which part, or to
the background, each pixel belongs, and how light falls on it), and for each part a map of spatial attention: where in
this image its color is to be read when it is the appearance image. The colors read are the appearance. The decoder
fills the masks with them at a quarter of the size, takes the detail from the gray structure image by guided upsampling
(`dgnet.layers.guided`), and leaves the structure image as it is where the masks are sure of the background.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from dgnet.core import pixels
from dgnet.layers.guided import doubled, guided_detail
from dgnet.layers.norm import wide

# Logits of masks and of reading are this many times the output of a convolution: parts become distinct sooner.
SHARPNESS = 3.0
# How far the light on a pixel changes its color, as a share, for an output of one.
SHADING = 0.3
# Black is about two standard deviations below the mean of normalized images: light multiplies what lies above that.
BLACK = -2.0
# Pixels of the structure image, in three colors, in one pixel of the structure code.
PIXEL_CHANNELS = 48
# Shares of the surroundings in a pixel between which the structure image takes the place of what was painted.
SURE = (0.6, 0.9)
# Mean and deviation of the three colors beside the person.
LIGHT_SIZE = 6
# A learned positional embedding, scaled to the code's size: convolutions do not know where in the image a pixel is.
PLACE_CHANNELS, PLACE_SIZE = 8, (24, 12)


class PartEncoder(nn.Module):
    """Contours -> structure code at a quarter of the resolution: a U-Net (Ronneberger et al. 2015) to a sixteenth.

    The code's channels are, in this order: logits of the parts and of the surroundings, shading (parts + 2), where the
    colors are read (parts), the colors beside the person (3) and the pixels of the image (48).

    Args:
        channels: width; 12 is that of `configs/demo.yaml`.
        parts: number of colors.
        image_channels: of the structure image.
    """

    def __init__(self, channels: int, parts: int, image_channels: int) -> None:
        super().__init__()
        width = channels
        # Channels of the code that the network makes; the others are pixels of the image.
        self.learned_channels = 2 * parts + 2
        self.stem = _block(4 * image_channels, 2 * width)
        self.quarter = _block(2 * width, 4 * width, stride=2)
        # In two dimensions: Muon, which takes more, would make its rows orthogonal.
        self.place = nn.Parameter(torch.randn(PLACE_CHANNELS, PLACE_SIZE[0] * PLACE_SIZE[1]) / 2)
        self.placed = _block(4 * width + PLACE_CHANNELS, 4 * width)
        self.eighth = _block(4 * width, 6 * width, stride=2)
        self.sixteenth = nn.Sequential(_block(6 * width, 8 * width, stride=2), _block(8 * width, 8 * width))
        self.up_eighth = _block(14 * width, 6 * width)
        self.up_quarter = _block(10 * width, 6 * width)
        self.masks_and_reading = nn.Conv2d(6 * width, self.learned_channels, 3, padding=1)

    def forward(
        self,
        x: Float[Tensor, "batch image height width"],
        surroundings: Float[Tensor, "batch 3 height/4 width/4"],
        images: Float[Tensor, "batch 3 height width"],
    ) -> Float[Tensor, "batch code height/4 width/4"]:
        quarter = self.quarter(self.stem(F.pixel_unshuffle(x, 2)))
        place = self.place.view(1, PLACE_CHANNELS, *PLACE_SIZE)
        place = F.interpolate(place, size=quarter.shape[-2:], mode="bilinear").to(quarter.dtype)
        quarter = self.placed(torch.cat([quarter, place.expand(len(x), -1, -1, -1)], dim=1))
        eighth = self.eighth(quarter)
        eighth = self.up_eighth(torch.cat([_repeated(self.sixteenth(eighth)), eighth], dim=1))
        quarter = self.up_quarter(torch.cat([_repeated(eighth), quarter], dim=1))
        code = self.masks_and_reading(quarter), surroundings, F.pixel_unshuffle(images, 4)
        return torch.cat([*map(wide, code)], dim=1)


def part_colors(
    structure_code: Float[Tensor, "batch code height width"],
    images: Float[Tensor, "batch 3 4*height 4*width"],
    parts: int,
) -> Float[Tensor, "batch colors"]:
    """The color of each part in the images that the code was made of, then mean and deviation of those beside it.

    A color is the mean of the image at a quarter of its size, weighted by the softmax of where it is to be read.
    """
    with torch.autocast(images.device.type, enabled=False):
        reading = structure_code[:, parts + 2 : 2 * parts + 2]
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
        # It begins as that of the appearance image.
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
        """Part colors and light: the end of the appearance code."""
        return appearance_code[:, -self.colors_size :]

    def decode(
        self,
        structure_code: Float[Tensor, "batch code height width"],
        styles: Float[Tensor, "batch colors"],
    ) -> Float[Tensor, "batch 3 4*height 4*width"]:
        """The image, from the output of `styles`, in the surroundings of the structure image."""
        painted, surroundings = self._paint_all(structure_code, styles)
        low, high = SURE
        # What is left as it is says nothing about where the masks should be.
        kept = ((surroundings.detach() - low) / (high - low)).clamp(0, 1)
        return torch.lerp(painted, F.pixel_shuffle(structure_code[:, -PIXEL_CHANNELS:], 4), kept)

    def reconstruct(
        self,
        structure_code: Float[Tensor, "batch code height width"],
        styles: Float[Tensor, "batch colors"],
    ) -> Float[Tensor, "batch 3 4*height 4*width"]:
        """The image with its surroundings painted, too: where they are kept, a reconstruction would teach nothing."""
        return self._paint_all(structure_code, styles)[0]

    def _paint_all(self, structure_code: Tensor, styles: Tensor) -> tuple[Tensor, Tensor]:
        """The painted image, and the share of the surroundings in each pixel `[batch, 1, height, width]`."""
        masks, _, surroundings, images = structure_code.split([self.parts + 2, self.parts, 3, PIXEL_CHANNELS], dim=1)
        with torch.autocast(structure_code.device.type, enabled=False):
            quarter = self.paint(masks, surroundings, self.lit(styles, surroundings))
            gray = pixels.gray(F.pixel_shuffle(images, 4))
            half_gray, quarter_gray = F.avg_pool2d(gray, 2), F.avg_pool2d(gray, 4)
            half = doubled(quarter) + self.gain[0] * guided_detail(quarter, quarter_gray, half_gray)
            full = doubled(half) + self.gain[1] * guided_detail(half, half_gray, gray)
        return full.split([3, 1], dim=1)

    def lit(
        self, styles: Float[Tensor, "batch colors"], surroundings: Float[Tensor, "batch 3 _ _"]
    ) -> Float[Tensor, "batch part 3"]:
        """The colors of the parts in the light of the structure image."""
        colors, light = styles.split([3 * self.parts, LIGHT_SIZE], dim=1)
        gain, bias = self.light(torch.cat([light, _light(surroundings)], dim=1))[:, None].chunk(2, dim=2)
        return (colors.unflatten(1, (self.parts, 3)) - BLACK) * (1 + gain) + BLACK + bias

    def paint(self, masks: Tensor, surroundings: Tensor, colors: Tensor) -> Float[Tensor, "batch 4 height width"]:
        """Fill the masks `[batch, parts + 2, height, width]` with the colors `[batch, part, 3]`.

        The fourth channel is the share of the surroundings.
        """
        logits, shading = masks.split([self.parts + 1, 1], dim=1)
        shares = (SHARPNESS * logits).softmax(dim=1)
        image = torch.einsum("bphw,bpc->bchw", shares[:, :-1], colors) + shares[:, -1:] * surroundings
        return torch.cat([(image - BLACK) * (1 + SHADING * shading) + BLACK, shares[:, -1:]], dim=1)


def _block(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))


def _repeated(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def _light(surroundings: Float[Tensor, "batch 3 _ _"]) -> Float[Tensor, "batch 6"]:
    deviation, mean = torch.std_mean(surroundings, dim=(2, 3))
    return torch.cat([mean, deviation], dim=1)
