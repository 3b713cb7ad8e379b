"""Codes of many images, a batch at a time."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from dgnet.core import pixels
from dgnet.models.frozen import evaluating
from dgnet.models.generator import Generator

_BATCH = 32


@torch.no_grad()
def appearance_and_structure_codes(
    generator: Generator, images: UInt8[Tensor, "image 3 height width"]
) -> tuple[Float[Tensor, "image appearance"], Float[Tensor, "image structure"]]:
    """Both codes of each image in a row of numbers, float32 on the CPU; the structure code with its places in it."""
    device = next(generator.parameters()).device
    rows: tuple[list[Tensor], list[Tensor]] = ([], [])
    with evaluating(generator):
        for batch in images.split(_BATCH):
            seen = pixels.normalize(batch.to(device))
            rows[0].append(generator.encode_appearance(seen).float().cpu())
            rows[1].append(generator.encode_structure(seen).flatten(1).float().cpu())
    return torch.cat(rows[0]), torch.cat(rows[1])
