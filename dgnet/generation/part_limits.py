"""What the decoder of part colors could draw at best, if one of its steps made no mistake.

A swap by parts (`dgnet.models.parts`) fills the masks of the structure image with the colors of the appearance image
at the masks' size, then takes the detail from the structure image. Where the true swap is known, each of the two
steps can be given the right answer; what is missing after that is lost by the rest.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor

from dgnet.core import pixels
from dgnet.models.frozen import evaluating
from dgnet.models.generator import Generator
from dgnet.models.parts import PartDecoder, SplitCode

# Added to the diagonal of the normal equations: a part without any pixel has no best color.
RIDGE = 1e-3


@torch.no_grad()
def at_mask_size(
    generator: Generator, structures: UInt8[Tensor, "pair 3 height width"], truths: UInt8[Tensor, "pair 3 height width"]
) -> UInt8[Tensor, "pair 3 height width"]:
    """True swaps at the masks' size, upsampled as the decoder does with what it draws; on the CPU."""
    decoder, code, small = _inputs(generator, structures, truths)
    # The background's probability is not used.
    return pixels.to_uint8(decoder.upsample(code, torch.cat([small, small[:, :1]], dim=1))[0]).cpu()


@torch.no_grad()
def with_best_colors(
    generator: Generator, structures: UInt8[Tensor, "pair 3 height width"], truths: UInt8[Tensor, "pair 3 height width"]
) -> UInt8[Tensor, "pair 3 height width"]:
    """The masks of the structure images with the colors that come nearest to the true swaps (least squares at the
    masks' size); on the CPU."""
    decoder, code, small = _inputs(generator, structures, truths)
    filled = decoder.fill(code, nearest_colors(decoder, code, small))
    return pixels.to_uint8(decoder.keep_background(code, *decoder.upsample(code, filled))).cpu()


def nearest_colors(
    decoder: PartDecoder, code: SplitCode, small: Float[Tensor, "pair 3 height width"]
) -> Float[Tensor, "pair part 3"]:
    """The part colors with which `decoder.fill` comes nearest to `small`, in squared differences."""
    none = small.new_zeros(len(small), decoder.parts, 3)
    drawn = decoder.fill(code, none)[:, :3]
    # What is drawn is linear in the colors: how much each part weighs in a pixel is what its color of one adds.
    weights = []
    for part in range(decoder.parts):
        one = none.clone()
        one[:, part] = 1
        weights.append((decoder.fill(code, one)[:, 0] - drawn[:, 0]).flatten(1))
    masks = torch.stack(weights, dim=1)
    normal = masks @ masks.mT + RIDGE * torch.eye(decoder.parts, dtype=small.dtype, device=small.device)
    return torch.linalg.solve(normal, masks @ (small - drawn).flatten(2).mT)


def _inputs(generator: Generator, structures: Tensor, truths: Tensor) -> tuple[PartDecoder, SplitCode, Tensor]:
    """The decoder, the structure codes, and the true swaps, normalized, at the masks' size."""
    decoder = generator.decoder
    if not isinstance(decoder, PartDecoder):
        raise ValueError(f"the generator must have decoder.kind=parts, got {type(decoder).__name__}")
    device = next(generator.parameters()).device
    with evaluating(generator):
        code = generator.encode_structure(pixels.normalize(structures.to(device)))
    return decoder, decoder.split(code), F.avg_pool2d(pixels.normalize(truths.to(device)), decoder.mask_stride)
