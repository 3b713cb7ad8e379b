"""Swap fidelity and identification as metrics of a report."""

from eval.images.swap_fidelity import SwapFidelity
from eval.reid.identification import Identification
from eval.report.result import MetricValue

FIDELITY, IDENTIFICATION = "Swap fidelity", "Identification"
# These answers need no knowledge of where which clothes are; `painted` has it.
TRIVIAL = ("structure_itself", "appearance_itself", "recolored")
MEANING = {
    "generated": "DG-Net",
    "structure_itself": "trivial: the structure image as it is",
    "appearance_itself": "trivial: the appearance image as it is",
    "recolored": "trivial: the structure image shifted to the appearance's mean color",
    "painted": "stronger: the true outline, each sixth of it in the appearance's mean color there",
}


def swap_fidelity_metrics(result: SwapFidelity, size: tuple[int, int]) -> list[MetricValue]:
    """PSNR and SSIM of generated swaps of `size` (height, width) and of the trivial answers, and the margins."""
    answers = {"generated": result.generated, **result.trivial}
    best = max(TRIVIAL, key=lambda name: answers[name].psnr)
    protocol = f"{result.pairs} pairs of test identities, {size[0]}x{size[1]}, inside the person"
    margins = {
        "PSNR over the best trivial answer": (best, f"which is {_words(best)}"),
        "PSNR over painted": ("painted", "an answer that knows where the clothes are"),
    }
    metrics = [
        MetricValue(FIDELITY, name, result.generated.psnr - answers[other].psnr, "dB", protocol, note, "higher")
        for name, (other, note) in margins.items()
    ]
    note = "a higher PSNR than all other answers to the pair"
    metrics.append(MetricValue(FIDELITY, "pairs won", 100 * result.share_won, "%", protocol, note, "higher"))
    for measure, unit in (("psnr", "dB"), ("ssim", "")):
        for name, answer in answers.items():
            label, value = f"{measure.upper()}, {_words(name)}", getattr(answer, measure)
            metrics.append(MetricValue(FIDELITY, label, value, unit, protocol, MEANING[name], "higher"))
    return metrics


def identification_metrics(result: Identification, real_accuracy: float, real_images: int) -> list[MetricValue]:
    """How often an independent classifier sees the appearance's identity in a swap, and how often the structure's.

    `real_accuracy` (0..1) is its own on `real_images` images that it was not trained on.
    """
    protocol = f"{result.images} pairs of training identities, a classifier of {result.classes} that DG-Net never saw"
    own = f"{real_images} real images that it never saw, one of each training identity"
    name = "generated image classified as its"
    return [
        MetricValue(
            IDENTIFICATION, f"{name} appearance", 100 * result.appearance, "%", protocol, "DG-Net's claim", "higher"
        ),
        MetricValue(IDENTIFICATION, f"{name} structure", 100 * result.structure, "%", protocol, better="lower"),
        MetricValue(IDENTIFICATION, "chance", 100 * result.chance, "%", protocol),
        MetricValue(IDENTIFICATION, "accuracy of the classifier on real images", 100 * real_accuracy, "%", own),
    ]


def _words(name: str) -> str:
    return name.replace("_", " ")
