"""Swaps beside the answers without a model, clothes with patterns apart, and identification, as metrics."""

import numpy as np
import pytest

from eval.images.frechet import frechet_distance, statistics_of
from eval.images.swap_fidelity import Fidelity, SwapFidelity
from eval.images.swap_metrics import (
    FIDELITY,
    PATTERNED,
    PLAIN,
    detail_metrics,
    identification_metrics,
    swap_fidelity_metrics,
)
from eval.reid.identification import Identification


def answer(psnr: float, ssim: float = 0.5, features: bool = False) -> Fidelity:
    pair = np.arange(4.0)
    seen = np.random.default_rng(int(psnr)).normal(size=(4, 3)) if features else None
    true = np.random.default_rng(0).normal(size=(4, 3)) if features else None
    return Fidelity(psnr + 0 * pair, ssim + 0 * pair, 0.2 + pair**2, pair / 4, seen, true)


def a_result(features: bool = False) -> SwapFidelity:
    simple = {"structure_itself": 11.0, "appearance_itself": 13.0, "recolored": 12.0, "painted": 16.0}
    return SwapFidelity(answer(17.5, features=features), {name: answer(psnr) for name, psnr in simple.items()})


def test_margins_are_over_the_best_answer_that_knows_nothing_of_clothes() -> None:
    metrics = {metric.name: metric for metric in swap_fidelity_metrics(a_result(), (128, 64))}
    best = metrics["PSNR gain over the best simple answer"]
    assert (best.value, best.unit) == (4.5, "dB") and "the appearance image as it is" in best.note
    assert metrics["PSNR gain over the painted outline"].value == pytest.approx(1.5)
    assert metrics["swaps nearer to the truth than all answers without a model"].value == 100
    assert metrics["SSIM of the structure image as it is"].value == 0.5
    assert best.protocol == "4 pairs of test identities, 128x64, inside the person"
    # The median of 0.2, 1.2, 4.2 and 9.2, and a mean.
    energy, correlation = (metrics[f"gradient {name} of the swaps"] for name in ("energy", "correlation"))
    assert (energy.value, energy.better) == (pytest.approx(2.7), "")
    assert (correlation.value, correlation.better) == (0.375, "higher")
    assert not any("Frechet" in name for name in metrics)
    assert all(metric.note for metric in metrics.values() if metric.name.endswith("the swaps"))


def test_clothes_with_a_repeating_pattern_stand_apart() -> None:
    patterned = np.array([True, False, False, True])
    metrics = swap_fidelity_metrics(a_result(features=True), (128, 64), patterned)
    values = {(metric.section, metric.name): metric for metric in metrics}
    assert values[PATTERNED, "gradient energy of the swaps"].value == pytest.approx((0.2 + 9.2) / 2)
    assert values[PLAIN, "gradient correlation of the swaps"].value == 0.375
    assert values[PLAIN, "gradient energy of the swaps"].value == pytest.approx((1.2 + 4.2) / 2)
    assert values[PLAIN, "PSNR gain over the best simple answer"].value == 4.5
    frechet = values[PATTERNED, "Frechet distance of the swaps"]
    result = a_result(features=True).generated
    expected = [one[[0, 3]] for one in (result.features, result.true_features)]
    assert frechet.value == pytest.approx(frechet_distance(*(statistics_of(one) for one in expected)))
    assert frechet.protocol.startswith("2 pairs") and frechet.better == "lower"
    few = swap_fidelity_metrics(a_result(), (128, 64), np.array([True, False, False, False]))
    assert {metric.section for metric in few} == {FIDELITY, PLAIN}


def test_where_detail_is_lost() -> None:
    metrics = {
        one.name: one for one in detail_metrics({"own codes": answer(18.0), "another image": answer(17)}, (8, 4))
    }
    assert metrics["PSNR, own codes"].value == 18 and metrics["PSNR, another image"].value == 17
    assert metrics["gradient energy, own codes"].value == pytest.approx(2.7)
    assert metrics["gradient correlation, own codes"].protocol == "4 images of test identities, 8x4, inside the person"


def test_the_structure_should_not_be_recognized() -> None:
    result = Identification(appearance=0.6, structure=0.1, images=10, classes=4, chance=0.25)
    metrics = identification_metrics(result, 0.9, 4)
    assert [metric.value for metric in metrics] == pytest.approx([60, 10, 25, 90])
    assert [metric.better for metric in metrics] == ["higher", "lower", "", "higher"]
