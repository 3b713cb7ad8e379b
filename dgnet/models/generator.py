"""The generator: encode appearance and structure, decode, swap."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from dgnet.core import pixels
from dgnet.models.appearance import AppearanceEncoder
from dgnet.models.decoder import Decoder
from dgnet.models.structure import StructureEncoder

StructureInput = Literal["gray", "edge", "contour"]
STRUCTURE_IMAGES = {"gray": pixels.gray, "edge": pixels.edge, "contour": pixels.contours}


class Generator(nn.Module):
    """Appearance encoder, structure encoder and decoder. Images are normalized (`dgnet.core.pixels`) everywhere.

    Args:
        structure_input: what the structure image is; "gray" in the paper.
    """

    def __init__(
        self,
        appearance: AppearanceEncoder,
        structure: StructureEncoder,
        decoder: Decoder,
        structure_input: StructureInput = "gray",
    ) -> None:
        super().__init__()
        self.appearance = appearance
        self.structure = structure
        self.decoder = decoder
        self.structure_input: StructureInput = structure_input

    def structure_image(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch image _ _"]:
        """The input of the structure encoder: one channel, or four of contours."""
        return STRUCTURE_IMAGES[self.structure_input](images)

    def structure_inputs(
        self,
        images: Float[Tensor, "batch 3 height width"],
        recolored: Float[Tensor, "batch 3 height width"] | None = None,
    ) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """The inputs of the structure encoder: the structure image, the surroundings and the detail if it takes them.

        Args:
            recolored: the same images in other colors, from which the structure image is computed.
        """
        shapes = self.structure_image(images if recolored is None else recolored)
        surroundings = None if self.structure.surroundings is None else pixels.surroundings(images)
        return shapes, surroundings, pixels.detail(images) if self.structure.detail else None

    def encode_structure(
        self,
        images: Float[Tensor, "batch 3 height width"],
        recolored: Float[Tensor, "batch 3 height width"] | None = None,
    ) -> Tensor:
        """Structure code `[batch, code, height/4, width/4]`; arguments as in `structure_inputs`."""
        return self.structure(*self.structure_inputs(images, recolored))

    def encode_appearance(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch appearance"]:
        """Appearance code."""
        return self.appearance(images).code

    def forward(
        self,
        appearance_images: Float[Tensor, "batch 3 height width"],
        structure_images: Float[Tensor, "batch 3 _ _"],
    ) -> Float[Tensor, "batch 3 _ _"]:
        """Image i has the appearance of `appearance_images[i]` and the structure of `structure_images[i]`."""
        return self.decoder(self.encode_structure(structure_images), self.encode_appearance(appearance_images))
