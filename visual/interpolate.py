"""Between two people: linear paths in the appearance code and in the structure code."""

import torch
from jaxtyping import UInt8
from torch import Tensor

from dgnet import pixels
from dgnet.errors import UserError
from dgnet.models.frozen import evaluating
from dgnet.models.generator import Generator


def weights_between(steps: int) -> Tensor:
    """`steps` weights of the second image, from 0 to 1 in equal steps, float32. `UserError` for fewer than two."""
    if steps < 2:
        raise UserError(f"an interpolation needs at least 2 steps, its two ends, got {steps}")
    return torch.linspace(0, 1, steps)


@torch.no_grad()
def between_appearances(
    generator: Generator,
    first: UInt8[Tensor, "pair 3 height width"],
    second: UInt8[Tensor, "pair 3 height width"],
    structures: UInt8[Tensor, "pair 3 height width"],
    weights: Tensor,
) -> UInt8[Tensor, "pair step 3 height width"]:
    """From the clothes of `first` to those of `second`, on one structure: the code is `(1 - w) first + w second`.

    `weights` `[step]` are those of the second. Evaluation mode; a step does not depend on the others.
    """
    device = next(generator.parameters()).device
    with evaluating(generator):
        start, end = (generator.encode_appearance(pixels.normalise(images.to(device))) for images in (first, second))
        structure = generator.encode_structure(pixels.normalise(structures.to(device)))
        steps = [generator.decoder(structure, torch.lerp(start, end, weight)) for weight in weights.to(device)]
    return torch.stack([pixels.to_uint8(step) for step in steps], dim=1).cpu()


@torch.no_grad()
def between_structures(
    generator: Generator,
    first: UInt8[Tensor, "pair 3 height width"],
    second: UInt8[Tensor, "pair 3 height width"],
    appearances: UInt8[Tensor, "pair 3 height width"],
    weights: Tensor,
) -> UInt8[Tensor, "pair step 3 height width"]:
    """From the pose, body and place of `first` to those of `second`, in one appearance; linear in the code."""
    device = next(generator.parameters()).device
    with evaluating(generator):
        start, end = (generator.encode_structure(pixels.normalise(images.to(device))) for images in (first, second))
        appearance = generator.encode_appearance(pixels.normalise(appearances.to(device)))
        steps = [generator.decoder(torch.lerp(start, end, weight), appearance) for weight in weights.to(device)]
    return torch.stack([pixels.to_uint8(step) for step in steps], dim=1).cpu()
