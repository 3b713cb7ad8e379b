"""The generator: encode appearance and structure, decode, swap."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dgnet.core import pixels
from dgnet.models.appearance import AppearanceEncoder
from dgnet.models.decoder import Decoder
from dgnet.models.parts import PartDecoder, PartEncoder, part_colors
from dgnet.models.structure import StructureEncoder

StructureInput = Literal["gray", "edge", "contour"]
STRUCTURE_IMAGES = {"gray": pixels.gray, "edge": pixels.edge, "contour": pixels.contours}


class Generator(nn.Module):
    """Appearance encoder, structure encoder and decoder. Images are normalized (`dgnet.core.pixels`) everywhere.

    Args:
        structure: with `decoder` from the same module: the paper's pair, or that of part colors (`dgnet.models.parts`).
        structure_input: what the structure image is; "gray" in the paper.
    """

    def __init__(
        self,
        appearance: AppearanceEncoder,
        structure: StructureEncoder | PartEncoder,
        decoder: Decoder | PartDecoder,
        structure_input: StructureInput = "gray",
    ) -> None:
        super().__init__()
        self.appearance = appearance
        self.structure = structure
        self.decoder = decoder
        self.structure_input: StructureInput = structure_input

    @property
    def has_parts(self) -> bool:
        """Whether the appearance is part colors, under the attention of the structure encoder."""
        return isinstance(self.decoder, PartDecoder)

    def structure_image(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch image _ _"]:
        """The input of the structure encoder: one channel, or four of contours."""
        return STRUCTURE_IMAGES[self.structure_input](images)

    def structure_inputs(
        self,
        images: Float[Tensor, "batch 3 height width"],
        recolored: Float[Tensor, "batch 3 height width"] | None = None,
        hidden: float = 0.0,
    ) -> tuple[Tensor, ...]:
        """The inputs of the structure encoder: the structure image, then what else it takes of the image.

        Args:
            recolored: the same images in other colors, from which the structure image is computed.
            hidden: the largest share of the structure image that `dgnet.core.pixels.hide_cells` hides.
        """
        structure_image = self.structure_image(images if recolored is None else recolored)
        if hidden > 0:
            structure_image = pixels.hide_cells(structure_image, hidden)
        if isinstance(self.structure, PartEncoder):
            return structure_image, pixels.background(images), images
        return (structure_image,) if self.structure.background is None else (structure_image, pixels.background(images))

    def encode_structure(
        self,
        images: Float[Tensor, "batch 3 height width"],
        recolored: Float[Tensor, "batch 3 height width"] | None = None,
        hidden: float = 0.0,
    ) -> Tensor:
        """Structure code `[batch, code, height/4, width/4]`; arguments as in `structure_inputs`."""
        return self.structure(*self.structure_inputs(images, recolored, hidden))

    def encode_appearance(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch appearance"]:
        """Appearance code."""
        return self.with_colors(self.appearance(images).code, images)

    def with_colors(
        self,
        code: Float[Tensor, "batch code"] | None,
        images: Float[Tensor, "batch 3 height width"],
        structure_code: Tensor | None = None,
    ) -> Float[Tensor, "batch appearance"]:
        """The appearance encoder's code, and behind it the part colors of the images if the decoder takes them.

        Args:
            code: None for the part colors alone.
            structure_code: of the same images, where it is known.
        """
        if not isinstance(self.decoder, PartDecoder):
            assert code is not None
            return code
        structure_code = self.encode_structure(images) if structure_code is None else structure_code
        colors = part_colors(structure_code, images, self.decoder.parts, self.decoder.mask_stride)
        return colors if code is None else torch.cat([code.to(colors.dtype), colors], dim=1)

    def forward(
        self,
        appearance_images: Float[Tensor, "batch 3 height width"],
        structure_images: Float[Tensor, "batch 3 _ _"],
    ) -> Float[Tensor, "batch 3 _ _"]:
        """Image i has the appearance of `appearance_images[i]` and the structure of `structure_images[i]`."""
        return self.decoder(self.encode_structure(structure_images), self.encode_appearance(appearance_images))
