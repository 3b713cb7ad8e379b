"""Between two people: linear paths in the appearance code and in the structure code."""

from collections.abc import Iterable

import torch
from jaxtyping import UInt8
from torch import Tensor

from dgnet.core import pixels
from dgnet.core.errors import UserError
from dgnet.models.frozen import evaluating
from dgnet.models.generator import Generator

# A sheet of so many columns is too wide for most viewers.
MOST_STEPS = 256


def weights_between(steps: int) -> Tensor:
    """`steps` weights of the second image, from 0 to 1 in equal steps, float32. `UserError` for fewer than two, its
    ends, or for more than no sheet can show."""
    if not 2 <= steps <= MOST_STEPS:
        raise UserError(f"an interpolation needs at least 2 steps, its two ends, and at most {MOST_STEPS}, got {steps}")
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
    first, second, structures, weights = _on_device(generator, first, second, structures, weights)
    with evaluating(generator):
        start, end = (generator.encode_appearance(pixels.normalize(images)) for images in (first, second))
        structure = generator.encode_structure(pixels.normalize(structures))
        return _stacked(generator.decoder(structure, torch.lerp(start, end, weight)) for weight in weights)


@torch.no_grad()
def between_structures(
    generator: Generator,
    first: UInt8[Tensor, "pair 3 height width"],
    second: UInt8[Tensor, "pair 3 height width"],
    appearances: UInt8[Tensor, "pair 3 height width"],
    weights: Tensor,
) -> UInt8[Tensor, "pair step 3 height width"]:
    """From the pose, body and place of `first` to those of `second`, in one appearance; linear in the code."""
    first, second, appearances, weights = _on_device(generator, first, second, appearances, weights)
    with evaluating(generator):
        start, end = (generator.encode_structure(pixels.normalize(images)) for images in (first, second))
        appearance = generator.encode_appearance(pixels.normalize(appearances))
        return _stacked(generator.decoder(torch.lerp(start, end, weight), appearance) for weight in weights)


def _on_device(generator: Generator, *tensors: Tensor) -> list[Tensor]:
    device = next(generator.parameters()).device
    return [tensor.to(device) for tensor in tensors]


def _stacked(steps: Iterable[Tensor]) -> Tensor:
    return torch.stack([pixels.to_uint8(step) for step in steps], dim=1).cpu()
