"""The swap on uint8 images: the appearance code of one image, decoded with the structure code of another.

Images have the height and width that the generator was trained at. Networks run in evaluation mode, without gradients,
and keep the mode that they had.
"""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from dgnet.core import pixels
from dgnet.models.frozen import evaluating
from dgnet.models.generator import Generator


@torch.no_grad()
def appearance_codes(
    generator: Generator, images: UInt8[Tensor, "image 3 height width"]
) -> Float[Tensor, "image appearance"]:
    """The appearance code of each image, on the generator's device."""
    with evaluating(generator):
        return generator.encode_appearance(_network_input(generator, images))


@torch.no_grad()
def structure_codes(
    generator: Generator, images: UInt8[Tensor, "image 3 height width"]
) -> Float[Tensor, "image structure _h _w"]:
    """The structure code of each image, on the generator's device."""
    with evaluating(generator):
        return generator.encode_structure(_network_input(generator, images))


@torch.no_grad()
def decode_images(
    generator: Generator,
    appearance: Float[Tensor, "image appearance"],
    structure: Float[Tensor, "image structure _h _w"],
) -> UInt8[Tensor, "image 3 height width"]:
    """The image of each pair of codes, on the CPU."""
    with evaluating(generator):
        return pixels.to_uint8(generator.decoder(structure, appearance)).cpu()


def swap_images(
    generator: Generator,
    appearances: UInt8[Tensor, "image 3 height width"],
    structures: UInt8[Tensor, "image 3 height width"],
) -> UInt8[Tensor, "image 3 height width"]:
    """Image i has the appearance of `appearances[i]` and the structure of `structures[i]`; on the CPU."""
    structure = structure_codes(generator, structures)
    return decode_images(generator, appearance_codes(generator, appearances), structure)


def swap_all(
    generator: Generator,
    appearances: UInt8[Tensor, "row 3 height width"],
    structures: UInt8[Tensor, "column 3 height width"],
) -> UInt8[Tensor, "row column 3 height width"]:
    """Every appearance with every structure, on the CPU; each image is encoded once."""
    structure = structure_codes(generator, structures)
    codes = appearance_codes(generator, appearances)
    return torch.stack([decode_images(generator, code.expand(len(structure), -1), structure) for code in codes])


def _network_input(generator: Generator, images: Tensor) -> Tensor:
    return pixels.normalize(images.to(next(generator.parameters()).device))
