"""Fidelity: how near images are to what they should look like, by named measures with a unit and a direction."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from torch import Tensor

from eval.images.file_pairs import means_of_pairs
from eval.images.perceptual import PerceptualDistance
from eval.images.psnr import psnr
from eval.images.ssim import multi_scale_ssim, ssim
from eval.report.result import Direction, MetricValue

SECTION = "Fidelity of reconstructions"


@dataclass(frozen=True)
class Measure:
    """A measure of pairs of images: `compare` maps uint8 images `[pair, 3, height, width]` and others to `[pair]`."""

    name: str
    compare: Callable[[Tensor, Tensor], Tensor]
    unit: str = ""
    better: Direction = "higher"


MEASURES = {
    measure.name: measure
    for measure in (
        Measure("SSIM, gaussian window", ssim),
        Measure("SSIM, uniform window", partial(ssim, window="uniform")),
        Measure("MS-SSIM", multi_scale_ssim),
        Measure("PSNR", psnr, unit="dB"),
    )
}


def perceptual_measure(distance: PerceptualDistance) -> Measure:
    """LPIPS as a measure of fidelity."""
    return Measure(distance.name, distance, better="lower")


def fidelity_metrics(
    batches: Iterable[tuple[Tensor, Tensor]],
    measures: Sequence[Measure],
    protocol: str,
    *,
    name: str = "",
    section: str = SECTION,
) -> list[MetricValue]:
    """The mean of each measure over batches of pairs of uint8 images `[pair, 3, height, width]`.

    Pairs that agree exactly have an infinite PSNR: where others do not, theirs is the mean, and its note tells how many
    they are. `name` is the kind of the images, such as "self-reconstruction". `UserError` for no pairs.
    """
    means = means_of_pairs(batches, {measure.name: measure.compare for measure in measures})
    metrics = []
    for measure in measures:
        title = f"{measure.name}, {name}" if name else measure.name
        values = means[measure.name].of_pairs
        differ = values[~np.isposinf(values)]  # what is no number stays, and makes the mean none
        some = 0 < len(differ) < len(values)
        value = float(differ.mean()) if some else means[measure.name].mean
        note = f"over the {len(differ)} of {len(values)} pairs that differ" if some else ""
        metrics.append(MetricValue(section, title, value, measure.unit, protocol, note, measure.better))
    return metrics
