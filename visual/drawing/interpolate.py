"""Between two people: linear paths in the appearance code and in the structure code."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from dgnet.core.errors import UserError
from dgnet.models.generator import Generator
from dgnet.models.swap import appearance_codes, decode_images, structure_codes

# A sheet of so many columns is too wide for most viewers.
MOST_STEPS = 256


def weights_between(steps: int) -> Tensor:
    """`steps` weights of the second image, from 0 to 1 in equal steps, float32. `UserError` for fewer than two, its
    ends, or for more than no sheet can show."""
    if not 2 <= steps <= MOST_STEPS:
        raise UserError(f"an interpolation needs at least 2 steps, its two ends, and at most {MOST_STEPS}, got {steps}")
    return torch.linspace(0, 1, steps)


def between_appearances(
    generator: Generator,
    first: UInt8[Tensor, "pair 3 height width"],
    second: UInt8[Tensor, "pair 3 height width"],
    structures: UInt8[Tensor, "pair 3 height width"],
    weights: Float[Tensor, "step"],
) -> UInt8[Tensor, "pair step 3 height width"]:
    """From the appearance of `first` to that of `second`, on one structure: the code is `(1 - w) first + w second`.

    `weights` are those of the second. A step does not depend on the others.
    """
    start, end = (appearance_codes(generator, images) for images in (first, second))
    structure = structure_codes(generator, structures)
    weights = weights.to(start.device)
    steps = [decode_images(generator, torch.lerp(start, end, weight), structure) for weight in weights]
    return torch.stack(steps, dim=1)


def between_structures(
    generator: Generator,
    first: UInt8[Tensor, "pair 3 height width"],
    second: UInt8[Tensor, "pair 3 height width"],
    appearances: UInt8[Tensor, "pair 3 height width"],
    weights: Float[Tensor, "step"],
) -> UInt8[Tensor, "pair step 3 height width"]:
    """From the structure of `first` to that of `second`, in one appearance; linear in the code."""
    start, end = (structure_codes(generator, images) for images in (first, second))
    appearance = appearance_codes(generator, appearances)
    steps = [
        decode_images(generator, appearance, torch.lerp(start, end, weight)) for weight in weights.to(start.device)
    ]
    return torch.stack(steps, dim=1)
