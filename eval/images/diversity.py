"""Intra-identity diversity: how unlike are two images of one identity? It says nothing about how good they are.

The official DG-Net's evaluation calls such a figure "SSIM". It is DSSIM = (1 - SSIM) / 2 in Lab color between random
pairs of one identity's images, and **higher is more diverse**; noise would be the most diverse of all. Read it beside
that of the real images, and beside a fidelity.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from skimage.color import rgb2lab
from torch import Tensor

from dgnet.core import pixels
from dgnet.core.errors import UserError
from eval.image_files import batches
from eval.images.ssim import ssim_of_pairs
from eval.report.result import MetricValue

SECTION = "Intra-identity diversity"
HEIGHT, WIDTH = 256, 128
PAIRS, ROUNDS = 10, 5
LAB_RANGE = 100.0  # of the lightness; the colors' range is wider, and the official code takes this one for all three


@dataclass(frozen=True)
class PairMeasure:
    """How unlike two images are.

    `values` takes the drawn images of an identity, uint8 `[image, 3, height, width]`, and the indices `[pair, 2]` of
    the pairs: an image is in several pairs, and what needs it alone is computed once.
    """

    name: str
    values: Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Diversity:
    """The mean over random pairs, in several rounds of other pairs. `midpoint` +- `half_range` covers all rounds."""

    mean: float
    midpoint: float
    half_range: float
    identities: int
    skipped: int  # identities of a single image
    pairs: int  # over all rounds
    of_rounds: np.ndarray = field(repr=False)


def lab_planes(images: UInt8[Tensor, "image 3 height width"]) -> Float[Tensor, "image 3 height width"]:
    """CIE Lab of sRGB images: lightness 0..100 and two colors, float64."""
    return torch.from_numpy(np.moveaxis(rgb2lab(np.moveaxis(images.numpy(), 1, -1)), -1, 1).astype(np.float64))


def lab_dssim(images: UInt8[Tensor, "image 3 height width"], places: Int[Tensor, "pair 2"]) -> Float[Tensor, " pair"]:
    """DSSIM 0..1 of the Lab planes: scikit-image's default window, 7 x 7 with equal weights."""
    return (1 - ssim_of_pairs(lab_planes(images), places, window="uniform", data_range=LAB_RANGE)) / 2


def dissimilarity(
    images: UInt8[Tensor, "image 3 height width"], places: Int[Tensor, "pair 2"]
) -> Float[Tensor, " pair"]:
    """1 - SSIM, 0..2, gaussian window."""
    return 1 - ssim_of_pairs(images, places)


def pair_by_pair(name: str, compare: Callable[[Tensor, Tensor], Tensor]) -> PairMeasure:
    """The measure that compares images `[pair, 3, height, width]` with others."""
    return PairMeasure(name, lambda images, places: compare(images[places[:, 0]], images[places[:, 1]]))


DSSIM = PairMeasure("DSSIM in Lab", lab_dssim)
DISSIMILARITY = PairMeasure("1 - SSIM", dissimilarity)


def drawn_pairs(identity: str, images: int, pairs: int, rounds: int, seed: int) -> np.ndarray:
    """Indices `[round, pair, 2]` of two different images each, a pure function of the arguments.

    No matter which other identities there are, and a longer draw begins with the shorter one's rounds.
    """
    if images < 2:
        raise UserError(f"a pair needs two images, identity {identity!r} has {images}")
    indices = np.empty((rounds, pairs, 2), np.int64)
    stream = f"{seed}/pairs of {identity}".encode("utf-8", "surrogateescape")  # the name of a folder may be no text
    key = int.from_bytes(hashlib.blake2b(stream, digest_size=16).digest(), "little")
    for number in range(rounds):
        uniform = np.random.Generator(np.random.Philox(key=key, counter=number << 128)).random((pairs, 2))
        first, step = np.floor(uniform * [images, images - 1]).astype(np.int64).T
        indices[number] = np.stack([first, (first + 1 + step) % images], axis=1)
    return indices


def diversity(
    groups: Mapping[str, Sequence[Path]],
    measures: Sequence[PairMeasure] = (DSSIM,),
    *,
    pairs: int = PAIRS,
    rounds: int = ROUNDS,
    seed: int = 0,
    workers: int | None = None,
) -> dict[str, Diversity]:
    """The diversity of each identity's files by each measure, the same pairs for all.

    Images are resized to 256 by 128 pixels (antialiased bicubic). Every identity counts alike, whatever its number of
    images; those of one image are skipped. `UserError` if that leaves none, and for an unreadable file in a pair.
    """
    if pairs < 1 or rounds < 1:
        raise UserError(f"pairs and rounds must be at least 1, got {pairs} and {rounds}")
    several = {identity: files for identity, files in sorted(groups.items()) if len(files) > 1}
    if not several:
        raise UserError(f"diversity needs an identity of at least two images, none of {len(groups)} has them")

    def resize(image: Tensor) -> Tensor:
        return pixels.resize(image[None], HEIGHT, WIDTH)[0]

    values: dict[str, list[np.ndarray]] = {measure.name: [] for measure in measures}
    for identity, files in several.items():
        # Of thousands of images of one identity only those in a pair are decoded.
        drawn, flat = np.unique(drawn_pairs(identity, len(files), pairs, rounds, seed), return_inverse=True)
        places = torch.from_numpy(flat.reshape(-1, 2))
        chosen = [files[place] for place in drawn]
        images = torch.cat(list(batches(chosen, resize, batch=len(chosen), workers=workers)))
        for measure in measures:
            compared = measure.values(images, places)
            values[measure.name].append(compared.double().cpu().numpy().reshape(rounds, pairs))
    result = {}
    for name, of_identities in values.items():
        of_rounds = np.stack(of_identities).mean(axis=(0, 2))
        low, high = float(of_rounds.min()), float(of_rounds.max())
        counts = {"identities": len(several), "skipped": len(groups) - len(several)}
        result[name] = Diversity(
            mean=float(of_rounds.mean()), midpoint=(low + high) / 2, half_range=(high - low) / 2,
            pairs=len(several) * pairs * rounds, of_rounds=of_rounds, **counts,
        )  # fmt: skip
    return result


def diversity_metrics(
    groups: Mapping[str, Sequence[Path]],
    measures: Sequence[PairMeasure],
    *,
    name: str = "",
    pairs: int = PAIRS,
    rounds: int = ROUNDS,
    seed: int = 0,
    workers: int | None = None,
) -> list[MetricValue]:
    """The diversity by each measure; `name` is the kind of the images. DSSIM in Lab follows the protocol `dgnet`."""
    results = diversity(groups, measures, pairs=pairs, rounds=rounds, seed=seed, workers=workers)
    metrics = []
    for measure, result in results.items():
        label = f"{measure}, {name}" if name else measure
        protocol = f"{'dgnet' if measure == DSSIM.name else 'clean'}: {_draw(result, pairs, rounds)}"
        if measure != DSSIM.name:
            metrics.append(MetricValue(SECTION, label, result.mean, protocol=protocol, note="higher is more diverse"))
            continue
        note = 'a diversity, not a fidelity: the official code calls it "SSIM"'
        metrics.append(MetricValue(SECTION, label, result.midpoint, protocol=protocol, note=note))
        note = "between the rounds"
        metrics.append(MetricValue(SECTION, f"{label}, half-range", result.half_range, protocol=protocol, note=note))
    return metrics


def _draw(result: Diversity, pairs: int, rounds: int) -> str:
    skipped = f", {result.skipped} of a single image skipped" if result.skipped else ""
    return f"{pairs} pairs of each of {result.identities} identities{skipped}, {rounds} rounds, {HEIGHT}x{WIDTH}"
