"""Margins of swaps over the trivial answers, and identification, as metrics."""

import numpy as np
import pytest

from eval.images.swap_fidelity import Fidelity, SwapFidelity
from eval.images.swap_metrics import identification_metrics, swap_fidelity_metrics
from eval.reid.identification import Identification


def answer(psnr: float, ssim: float = 0.5) -> Fidelity:
    return Fidelity(psnr, ssim, np.full(2, psnr), np.full(2, ssim))


def test_margins_are_over_the_best_answer_that_knows_nothing_of_clothes() -> None:
    trivial = {"structure_itself": 11.0, "appearance_itself": 13.0, "recolored": 12.0, "painted": 16.0}
    result = SwapFidelity(answer(17.5), {name: answer(psnr) for name, psnr in trivial.items()}, 0.75, 2)
    metrics = {metric.name: metric for metric in swap_fidelity_metrics(result, (128, 64))}
    best = metrics["PSNR over the best trivial answer"]
    assert (best.value, best.unit, best.note) == (4.5, "dB", "which is appearance itself")
    assert metrics["PSNR over painted"].value == pytest.approx(1.5)
    assert metrics["pairs won"].value == 75 and metrics["SSIM, structure itself"].value == 0.5
    assert {metric.better for metric in metrics.values()} == {"higher"}
    assert best.protocol == "2 pairs of test identities, 128x64, inside the person"


def test_the_structure_should_not_be_recognized() -> None:
    result = Identification(appearance=0.6, structure=0.1, images=10, classes=4, chance=0.25)
    metrics = identification_metrics(result, 0.9, 4)
    assert [metric.value for metric in metrics] == pytest.approx([60, 10, 25, 90])
    assert [metric.better for metric in metrics] == ["higher", "lower", "", ""]
