"""Swap fidelity and identification as metrics of a report: each with a plain name and a sentence that says what it
means."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from eval.images.swap_fidelity import Fidelity, SwapFidelity
from eval.reid.identification import Identification
from eval.report.result import Direction, MetricValue

FIDELITY, IDENTIFICATION, DETAIL = "Swap fidelity", "Identification", "Where detail is lost"
PATTERNED, PLAIN = f"{FIDELITY}: clothes with a repeating pattern", f"{FIDELITY}: clothes without one"
# Simple answers without the true outline of the clothes, which `painted` is given.
SIMPLE = ("structure_itself", "appearance_itself", "recolored")
SWAPS = "the swaps"
WORDS = {
    "generated": SWAPS,
    "structure_itself": "the structure image as it is",
    "appearance_itself": "the appearance image as it is",
    "recolored": "the recolored structure image",
    "painted": "the painted outline",
}
MEANING = {
    "structure_itself": "Without a model: the clothes have not changed at all.",
    "appearance_itself": "Without a model: the pose has not changed at all.",
    "recolored": "Without a model: the person is shifted to the mean color of the right clothes.",
    "painted": "Without a model, but with the true outline: six bands in the right mean colors, nothing else.",
}
# What each measure of the swaps means: its name, unit, sentence, and which direction is better.
MEASURES: dict[str, tuple[str, str, str, Direction]] = {
    "psnr": ("PSNR", "dB", "How near the pixels are to the true swap; blur costs little here.", "higher"),
    "ssim": ("SSIM", "", "How alike brightness, contrast and shape are around each pixel; 1 is the truth.", "higher"),
    "gradient_energy": (
        "gradient energy",
        "",
        "Sharpness beside the truth's (median): 1 is right, below is blurred, above is noisy.",
        "",
    ),
    "gradient_correlation": (
        "gradient correlation",
        "",
        "Whether edges are where the truth has them: 1 is everywhere, 0 nowhere.",
        "higher",
    ),
    "frechet": (
        "Frechet distance",
        "",
        "How far the swaps are from the true ones as a set, to a classifier that never saw DG-Net; 0 is no difference.",
        "lower",
    ),
}


def swap_fidelity_metrics(
    result: SwapFidelity, size: tuple[int, int], patterned: np.ndarray | None = None
) -> list[MetricValue]:
    """Generated swaps of `size` (height, width) beside the simple answers, and the margins.

    `patterned`, bool `[pair]`, says whose clothes have a repeating pattern: these and the others get their own figures,
    too, each where there are at least two pairs.
    """
    metrics = [*_margins(FIDELITY, result, size), *_measures(FIDELITY, result.generated, size, SWAPS)]
    for name, answer in result.simple.items():
        first, *others = _measures(FIDELITY, answer, size, WORDS[name])
        metrics += [replace(first, note=MEANING[name]), *(replace(one, note="") for one in others)]
    groups = {} if patterned is None else {PATTERNED: patterned, PLAIN: ~patterned}
    for section, chosen in groups.items():
        if chosen.sum() >= 2:
            part = result.of_pairs(chosen)
            metrics += [_margins(section, part, size)[0], *_measures(section, part.generated, size, SWAPS)]
    return metrics


def detail_metrics(results: Mapping[str, Fidelity], size: tuple[int, int]) -> list[MetricValue]:
    """What no swap can keep: `results` maps what was decoded, in words, to its fidelity."""
    notes = {
        "psnr": "What is lost here, a swap by these codes and this decoder cannot keep.",
        "gradient_energy": MEASURES["gradient_energy"][2],
        "gradient_correlation": MEASURES["gradient_correlation"][2],
    }
    metrics = []
    for words, result in results.items():
        for name, note in notes.items():
            label, unit, _, better = MEASURES[name]
            value = getattr(result, name)
            metrics.append(
                MetricValue(DETAIL, f"{label}, {words}", value, unit, _protocol(result, size, "images"), note, better)
            )
    return metrics


def identification_metrics(result: Identification, real_accuracy: float, real_images: int) -> list[MetricValue]:
    """How often an independent classifier sees the appearance's identity in a swap, and how often the structure's.

    `real_accuracy` (0..1) is its own on `real_images` images that it was not trained on.
    """
    protocol = f"{result.images} pairs of training identities, a classifier of {result.classes} that DG-Net never saw"
    own = f"{real_images} real images that it never saw, one of each training identity"
    appearance = "The swap wears the clothes of this person, and an independent classifier should see that."
    structure = "Only pose and place are of this person: nobody should be recognized by them."
    chance = "What guessing would reach in the two lines above."
    real = "How good this classifier is: swaps can hardly be recognized better than real images."
    return [
        MetricValue(
            IDENTIFICATION,
            "swaps recognized as the person of the appearance",
            100 * result.appearance,
            "%",
            protocol,
            appearance,
            "higher",
        ),
        MetricValue(
            IDENTIFICATION,
            "swaps recognized as the person of the structure",
            100 * result.structure,
            "%",
            protocol,
            structure,
            "lower",
        ),
        MetricValue(IDENTIFICATION, "guessing", 100 * result.chance, "%", protocol, chance),
        MetricValue(IDENTIFICATION, "real images recognized", 100 * real_accuracy, "%", own, real, "higher"),
    ]


def _margins(section: str, result: SwapFidelity, size: tuple[int, int]) -> list[MetricValue]:
    """How much nearer to the truth the swaps are than the simple answers."""
    best = max(SIMPLE, key=lambda name: result.simple[name].psnr)
    protocol = _protocol(result.generated, size)
    won = MetricValue(
        section,
        "swaps nearer to the truth than all answers without a model",
        100 * result.share_won,
        "%",
        protocol,
        "The share of pairs whose PSNR is higher than that of each answer without a model, painted outline included.",
        "higher",
    )
    return [
        MetricValue(
            section,
            f"PSNR gain over {words}",
            result.generated.psnr - result.simple[name].psnr,
            "dB",
            protocol,
            note,
            "higher",
        )
        for name, words, note in (
            (
                best,
                "the best simple answer",
                f"How much nearer to the truth the swaps are than {WORDS[best]}, the best of three simple answers.",
            ),
            ("painted", WORDS["painted"], "The same over an answer that is given the true outline and mean colors."),
        )
    ] + [won]


def _measures(section: str, result: Fidelity, size: tuple[int, int], words: str) -> list[MetricValue]:
    """Every measure of one answer; the Frechet distance where it has features."""
    metrics = []
    for name, (label, unit, note, better) in MEASURES.items():
        value = getattr(result, name)
        if value is not None:
            protocol = _protocol(result, size)
            if name == "frechet":
                protocol = (
                    f"{len(result.psnr_of_pairs)} pairs, whole images; not comparable with other numbers of pairs"
                )
            metrics.append(MetricValue(section, f"{label} of {words}", value, unit, protocol, note, better))
    return metrics


def _protocol(result: Fidelity, size: tuple[int, int], what: str = "pairs") -> str:
    return f"{len(result.psnr_of_pairs)} {what} of test identities, {size[0]}x{size[1]}, inside the person"
