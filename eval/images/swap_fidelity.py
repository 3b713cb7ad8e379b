"""Swap fidelity: how near a generated swap is to the true one, inside the person's outline.

Only where the truth of a swap can be rendered is there such a figure. It means little by itself, so it always comes
with the same figures for simple answers without a model (`eval.images.simple_answers`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from dgnet.core.errors import UserError, check_count
from eval.arrays import Array, as_numpy, check_same_shape, checked_features, checked_images, checked_outlines
from eval.images.frechet import frechet_distance, statistics_of
from eval.images.gradients import gradient_fidelity
from eval.images.simple_answers import simple_answers, weighted_mean
from eval.images.ssim import ssim_map

Embed = Callable[[Array], Array]  # uint8 images [pair, 3, height, width] -> features [pair, feature]


@dataclass(frozen=True)
class Fidelity:
    """One kind of answer: the values of each pair, float64 `[pair]`, and one number of all."""

    psnr_of_pairs: np.ndarray = field(repr=False)  # dB
    ssim_of_pairs: np.ndarray = field(repr=False)  # -1..1
    energy_of_pairs: np.ndarray = field(repr=False)  # gradient energy as a share of the truth's, from 0
    correlation_of_pairs: np.ndarray = field(repr=False)  # of the gradients, -1..1
    # [pair, feature] of the whole images and of their truths, where an embedding was given
    features: np.ndarray | None = field(default=None, repr=False)
    true_features: np.ndarray | None = field(default=None, repr=False)

    @property
    def psnr(self) -> float:
        """The mean of the pairs' dB values."""
        return float(self.psnr_of_pairs.mean())

    @property
    def ssim(self) -> float:
        """The mean over pairs."""
        return float(self.ssim_of_pairs.mean())

    @property
    def gradient_energy(self) -> float:
        """The median over pairs: the ratio of two energies has no upper end, few pairs would rule the mean."""
        return float(np.median(self.energy_of_pairs))

    @property
    def gradient_correlation(self) -> float:
        """The mean over pairs."""
        return float(self.correlation_of_pairs.mean())

    @property
    def frechet(self) -> float | None:
        """The Frechet distance between the features of the answers and of their truths; None without features.

        Of a few hundred pairs it is biased upwards: comparable among answers to the same pairs only.
        """
        if self.features is None or self.true_features is None:
            return None
        return frechet_distance(*(statistics_of(one, warn=False) for one in (self.features, self.true_features)))

    def of_pairs(self, chosen: np.ndarray) -> "Fidelity":
        """The same for the pairs where `chosen`, bool `[pair]`, is true."""
        arrays = {name: value[chosen] for name, value in vars(self).items() if value is not None}
        return replace(self, **arrays)


@dataclass(frozen=True)
class SwapFidelity:
    """Generated swaps beside the simple answers, all against the same truths inside the same outlines."""

    generated: Fidelity
    simple: dict[str, Fidelity]  # structure_itself, appearance_itself, recolored, painted

    @property
    def pairs(self) -> int:
        """How many there are."""
        return len(self.generated.psnr_of_pairs)

    @property
    def share_won(self) -> float:
        """The share 0..1 of pairs whose generated swap has a higher PSNR than every simple answer to that pair."""
        hardest = np.max([answer.psnr_of_pairs for answer in self.simple.values()], axis=0)
        return float((self.generated.psnr_of_pairs > hardest).mean())

    def of_pairs(self, chosen: np.ndarray) -> "SwapFidelity":
        """The same for the pairs where `chosen`, bool `[pair]`, is true."""
        simple = {name: answer.of_pairs(chosen) for name, answer in self.simple.items()}
        return SwapFidelity(self.generated.of_pairs(chosen), simple)


def swap_fidelity(
    generated: Array,
    truths: Array,
    truth_outlines: Array,
    structures: Array,
    structure_outlines: Array,
    appearances: Array,
    appearance_outlines: Array,
    *,
    embed: Embed | None = None,
) -> SwapFidelity:
    """Fidelity of generated swaps and of the simple answers.

    Images are uint8 `[pair, 3, height, width]`, outlines `[pair, height, width]` weights 0..1 of the person in the
    truth, in the structure image and in the appearance image; everything is measured inside `truth_outlines`, but for
    the Frechet distance: `embed` gives features of whole images. Pairs of one identity with itself have their structure
    image as truth and tell nothing: a simple answer that equals the truth is an `UserError`, as are mismatched shapes.
    """
    answers = simple_answers(structures, structure_outlines, appearances, appearance_outlines)
    true_features = None if embed is None else _features(embed, truths)

    def measured(images: Array) -> Fidelity:
        result = fidelity(images, truths, truth_outlines)
        if embed is None:
            return result
        return replace(result, features=_features(embed, images), true_features=true_features)

    ours, simple = measured(generated), {name: measured(images) for name, images in answers.items()}
    for name, answer in simple.items():
        if np.isinf(answer.psnr_of_pairs).any():
            pair = int(np.isinf(answer.psnr_of_pairs).argmax())
            raise UserError(f"pair {pair} is no swap: its truth is the simple answer {name} to the last pixel")
    return SwapFidelity(ours, simple)


def fidelity(images: Array, truths: Array, outlines: Array, *, batch: int = 64) -> Fidelity:
    """Each pair of `images` and `truths` (uint8 `[pair, 3, height, width]`) measured inside `outlines`.

    The PSNR of a pair is 10 log10(255^2 / error), its error the mean squared difference over channels and pixels,
    weighted by the outline; infinite where both agree exactly. The SSIM of a pair is the mean of `ssim_map` with the
    same weights: near the outline its window reaches into the background. The gradients are those of
    `gradient_fidelity`. `batch` pairs are in memory as float64 at once and change no figure.
    """
    check_count("batch", batch)
    ours, theirs = checked_images("images", images), checked_images("truths", truths)
    check_same_shape("images and truths", ours, theirs)
    weights = checked_outlines("outlines", outlines, ours)
    psnr, ssim = [], []
    for start in range(0, len(ours), batch):
        part = slice(start, start + batch)
        difference = ours[part].double() - theirs[part].to(ours.device).double()
        error = weighted_mean(difference.square().mean(dim=1), weights[part])
        psnr.append(10 * torch.log10(255**2 / error))
        ssim.append(weighted_mean(ssim_map(ours[part], theirs[part]), weights[part]))
    gradients = gradient_fidelity(ours, theirs, outlines, batch=batch)
    psnr_of_pairs, ssim_of_pairs = torch.cat(psnr).cpu().numpy(), torch.cat(ssim).cpu().numpy()
    return Fidelity(psnr_of_pairs, ssim_of_pairs, gradients.energy, gradients.correlation)


def _features(embed: Embed, images: Array) -> np.ndarray:
    return as_numpy(checked_features("features", embed(images)))
