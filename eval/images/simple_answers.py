"""Simple answers to a swap, made without a model: baselines that a generated swap has to beat."""

from collections.abc import Mapping

import torch
from torch import Tensor

from eval.arrays import Array, check_same_shape, checked_images, checked_outlines

# Bands from the top of the outline to its bottom, each of one color: about head, chest, waist, thighs, shins, feet.
_BANDS = 6
# Rounds of shifting the colors until their mean is reached, although values are clipped to 0..255.
_RECOLOR_ROUNDS = 12


def simple_answers(
    structures: Array, structure_outlines: Array, appearances: Array, appearance_outlines: Array
) -> Mapping[str, Tensor]:
    """The simple answers, uint8 `[pair, 3, height, width]`, by name."""
    structure, appearance = checked_images("structures", structures), checked_images("appearances", appearances)
    check_same_shape("structures and appearances", structure, appearance)
    return {
        "structure_itself": structure,
        "appearance_itself": appearance,
        "recolored": recolored(structure, structure_outlines, appearance, appearance_outlines),
        "painted": painted(structure, structure_outlines, appearance, appearance_outlines),
    }


def recolored(structures: Array, structure_outlines: Array, appearances: Array, appearance_outlines: Array) -> Tensor:
    """The structure images with the person's mean color replaced by that of the appearance image's person.

    Inside the structure outline each channel is shifted by one number per image until the outline's mean is that inside
    the appearance outline to half a gray level (also where dark or bright clothes are cut off at 0 and 255); the
    background stays. Shapes as in `simple_answers`.
    """
    structure, appearance = checked_images("structures", structures), checked_images("appearances", appearances)
    inside = checked_outlines("structure_outlines", structure_outlines, structure)[:, None]
    other = checked_outlines("appearance_outlines", appearance_outlines, appearance)[:, None]
    image, target = structure.double(), weighted_mean(appearance.double(), other).to(structure.device)
    shift = torch.zeros_like(target)
    # A half-covered pixel moves by half: to move the weighted mean by one, the shift is sum(w) / sum(w^2).
    gain = (inside.sum(dim=(2, 3)) / inside.square().sum(dim=(2, 3))).expand_as(shift)
    result = image
    for _ in range(_RECOLOR_ROUNDS):
        shift = shift + gain * (target - weighted_mean(result, inside))
        result = (image + inside * shift[:, :, None, None]).clamp(0, 255)
    return result.round().to(torch.uint8)


def painted(structures: Array, structure_outlines: Array, appearances: Array, appearance_outlines: Array) -> Tensor:
    """The structure images with the person painted over: each sixth of the outline's height in the mean color of the
    same sixth of the appearance image's person.

    It has the true outline and mean colors, but no folds, patterns or light: the strongest of these answers in PSNR.
    Shapes as in `simple_answers`.
    """
    structure, appearance = checked_images("structures", structures), checked_images("appearances", appearances)
    inside = checked_outlines("structure_outlines", structure_outlines, structure)
    other = checked_outlines("appearance_outlines", appearance_outlines, appearance)
    bands = _bands(other)[:, :, None, :, None] * other[:, None, None]  # [pair, band, 1, height, width]
    weights = bands.sum(dim=(3, 4))
    sums = (appearance[:, None].double() * bands).sum(dim=(3, 4))
    # A band without a pixel (an outline of few rows) takes the mean color of the whole person.
    means = torch.where(weights > 0, sums / weights, sums.sum(dim=1, keepdim=True) / weights.sum(dim=1, keepdim=True))
    paint = torch.einsum("nbc,nbh->nch", means.to(structure.device), _bands(inside))[..., None]
    return torch.lerp(structure.double(), paint, inside[:, None]).round().to(torch.uint8)


def _bands(outlines: Tensor) -> Tensor:
    """`[pair, band, height]`: 1 where a row belongs to the band; rows above and below the person to the nearest."""
    rows = torch.arange(outlines.shape[1], device=outlines.device)
    # Half-covered pixels at the rim must not move the bands; an outline that is faint everywhere counts from its peak.
    strong = (outlines >= outlines.amax(dim=(1, 2), keepdim=True) / 2).any(dim=2)
    top = torch.where(strong, rows, outlines.shape[1]).amin(dim=1, keepdim=True)
    bottom = torch.where(strong, rows, -1).amax(dim=1, keepdim=True)
    band = ((rows - top) * _BANDS).div(bottom - top + 1, rounding_mode="floor").clamp(0, _BANDS - 1)
    return torch.nn.functional.one_hot(band, _BANDS).transpose(1, 2).double()


def weighted_mean(values: Tensor, weights: Tensor) -> Tensor:
    """The weighted mean over height and width."""
    return (values * weights).sum(dim=(-2, -1)) / weights.sum(dim=(-2, -1))
