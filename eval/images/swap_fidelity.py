"""Swap fidelity: how near a generated swap is to the true one, inside the person's outline.

Only where the truth of a swap can be rendered is there such a figure. It means little by itself, so it always comes
with the same figure for answers that need no model: the structure image as it is, the appearance image as it is, the
structure image recolored, and its outline painted in the appearance's mean colors from head to foot.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from dgnet.core.errors import UserError
from eval.arrays import Array, check_same_shape, checked_images, checked_outlines
from eval.images.ssim import ssim_map

# Bands from the top of the outline to its bottom, each of one color: about head, chest, waist, thighs, shins, feet.
_BANDS = 6
# Rounds of moving the colors until their mean is met in spite of values cut off at 0 and 255.
_RECOLOR_ROUNDS = 12


@dataclass(frozen=True)
class Fidelity:
    """One kind of answer: means over all pairs, and the value of each pair."""

    psnr: float  # dB, the mean of the pairs' dB values
    ssim: float  # -1..1, the mean over pairs
    psnr_of_pairs: np.ndarray = field(repr=False)
    ssim_of_pairs: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class SwapFidelity:
    """Generated swaps beside the trivial answers, all against the same truths inside the same outlines."""

    generated: Fidelity
    trivial: dict[str, Fidelity]  # structure_itself, appearance_itself, recolored, painted
    share_won: float  # share of pairs whose generated swap has a higher PSNR than every trivial answer to that pair
    pairs: int


def swap_fidelity(
    generated: Array,
    truths: Array,
    truth_outlines: Array,
    structures: Array,
    structure_outlines: Array,
    appearances: Array,
    appearance_outlines: Array,
) -> SwapFidelity:
    """Fidelity of generated swaps and of the trivial answers.

    Images are uint8 `[pair, 3, height, width]`, outlines `[pair, height, width]` weights 0..1 of the person in the
    truth, in the structure image and in the appearance image; everything is measured inside `truth_outlines`. The mean
    PSNR is the mean of the pairs' dB values (not the dB of the mean error). Pairs of one identity with itself have
    their structure image as truth and tell nothing: a trivial answer that equals the truth is an `UserError`, as
    are mismatched shapes.
    """
    answers = trivial_answers(structures, structure_outlines, appearances, appearance_outlines)
    ours = fidelity(generated, truths, truth_outlines)
    trivial = {name: fidelity(images, truths, truth_outlines) for name, images in answers.items()}
    for name, answer in trivial.items():
        if np.isinf(answer.psnr_of_pairs).any():
            pair = int(np.isinf(answer.psnr_of_pairs).argmax())
            raise UserError(f"pair {pair} is no swap: its truth is the trivial answer {name} to the last pixel")
    hardest = np.max([answer.psnr_of_pairs for answer in trivial.values()], axis=0)
    return SwapFidelity(
        generated=ours,
        trivial=trivial,
        share_won=float((ours.psnr_of_pairs > hardest).mean()),
        pairs=len(ours.psnr_of_pairs),
    )


def fidelity(images: Array, truths: Array, outlines: Array, *, batch: int = 64) -> Fidelity:
    """PSNR and SSIM of `images` against `truths` (uint8 `[pair, 3, height, width]`) inside `outlines`.

    The PSNR of a pair is 10 log10(255^2 / error), its error the mean squared difference over channels and pixels,
    weighted by the outline; infinite where both agree exactly. The SSIM of a pair is the mean of `ssim_map` with the
    same weights: near the outline its window reaches into the background. `batch` pairs are in memory as float64 at
    once and change no figure.
    """
    ours, theirs = checked_images("images", images), checked_images("truths", truths)
    check_same_shape("images and truths", ours, theirs)
    weights = checked_outlines("outlines", outlines, ours)
    psnr, ssim = [], []
    for start in range(0, len(ours), batch):
        part = slice(start, start + batch)
        difference = ours[part].double() - theirs[part].to(ours.device).double()
        error = _inside(difference.square().mean(dim=1), weights[part])
        psnr.append(10 * torch.log10(255**2 / error))
        ssim.append(_inside(ssim_map(ours[part], theirs[part]), weights[part]))
    psnr_of_pairs, ssim_of_pairs = torch.cat(psnr).cpu().numpy(), torch.cat(ssim).cpu().numpy()
    return Fidelity(float(psnr_of_pairs.mean()), float(ssim_of_pairs.mean()), psnr_of_pairs, ssim_of_pairs)


def trivial_answers(
    structures: Array, structure_outlines: Array, appearances: Array, appearance_outlines: Array
) -> Mapping[str, Tensor]:
    """The answers that need no model, uint8 `[pair, 3, height, width]`, by name."""
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
    background stays. Shapes as in `trivial_answers`.
    """
    structure, appearance = checked_images("structures", structures), checked_images("appearances", appearances)
    inside = checked_outlines("structure_outlines", structure_outlines, structure)[:, None]
    other = checked_outlines("appearance_outlines", appearance_outlines, appearance)[:, None]
    image, target = structure.double(), _inside(appearance.double(), other).to(structure.device)
    shift = torch.zeros_like(target)
    # A half-covered pixel moves by half: to move the weighted mean by one, the shift is sum(w) / sum(w^2).
    gain = (inside.sum(dim=(2, 3)) / inside.square().sum(dim=(2, 3))).expand_as(shift)
    result = image
    for _ in range(_RECOLOR_ROUNDS):
        shift = shift + gain * (target - _inside(result, inside))
        result = (image + inside * shift[:, :, None, None]).clamp(0, 255)
    return result.round().to(torch.uint8)


def painted(structures: Array, structure_outlines: Array, appearances: Array, appearance_outlines: Array) -> Tensor:
    """The structure images with the person painted over: each sixth of the outline's height in the mean color of the
    same sixth of the appearance image's person.

    It knows where the clothes are and their colors, but neither folds nor patterns nor light: of the answers here the
    strongest in PSNR, for being the least wrong everywhere. Shapes as in `trivial_answers`.
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


def _inside(values: Tensor, weights: Tensor) -> Tensor:
    """The weighted mean over height and width."""
    return (values * weights).sum(dim=(-2, -1)) / weights.sum(dim=(-2, -1))
