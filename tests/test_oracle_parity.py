"""The naive step against numbers of the official release: every loss, gradient norm and state norm, in float64.

The cases take a minute each and run with DGNET_ALL_CASES=1 in the environment (`make parity`). Without it they follow
from two other tests: our step has these numbers (tests/dgnet/training/test_parity.py), and the naive step has ours, in
small (tests/dgnet/training/test_step_options.py).
"""

import json
import os
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.memory import saved_on_disk
from tests.oracles.naive_config import NaiveConfig
from tests.oracles.naive_step import NaiveDGNet
from tests.reference_fill import fill_state_dict, images, step_images

REFERENCE = Path(__file__).parent / "reference"
CASES = ("late_copy", "early_enc", "late_enc")
LOSS_TOLERANCE = 1e-8
NORM_TOLERANCE = 1e-6
# Entries this far below the largest of their network are rounding noise (biases in front of an instance norm).
NOISE = 1e-6
ARRAYS = {
    "x_ab": ("x_ab", np.s_[:, :, ::4, ::4]),
    "x_ba": ("x_ba", np.s_[:, :, ::4, ::4]),
    "recon_a": ("recon_a", np.s_[:, :, ::4, ::4]),
    "recon_same_id_a": ("recon_same_a", np.s_[:, :, ::4, ::4]),
    "structure_a": ("s_a", np.s_[:, ::8, ::4, ::4]),
    "structure_b": ("s_b", np.s_[:, ::8, ::4, ::4]),
    "appearance_a": ("f_a", np.s_[:, ::16]),
    "appearance_b": ("f_b", np.s_[:, ::16]),
}


@cache
def reference() -> dict:
    return json.loads((REFERENCE / "dgnet_dev.json").read_text(encoding="utf-8"))


def reference_model() -> NaiveDGNet:
    """The paper's recipe on the filled weights, without dropout; learning rates before their first milestone."""
    model = NaiveDGNet(NaiveConfig(identities=16, dropouts=(0.0, 0.0), step_size=10**6), watch=True)
    for name, module in (("gen", model.gen), ("id", model.id), ("dis", model.dis), ("teacher", model.teachers[0])):
        shapes = {key: list(value.shape) for key, value in module.state_dict().items()}
        assert shapes == reference()["state_dict_shapes"][name]
        fill_state_dict(module, name + ".", reference()["late_copy_style0"]["salt"])
    return model.to(torch.float64)


def run_case(case: str, folder: Path) -> tuple[NaiveDGNet, dict[str, float], dict]:
    """The model after the step, its losses, what is stored. The graph of the whole sum lies in `folder`."""
    stored = reference()[f"{case}_style0"]
    expected = stored["steps"][0]
    batches = {name: batch.double() for name, batch in step_images(stored["image_seed"], 0, 2, 256, 128).items()}
    labels = torch.tensor(expected["labels_a"]), torch.tensor(expected["labels_b"])
    model = reference_model()
    iteration = 60000 if case.startswith("late") else 0
    with saved_on_disk(folder):
        losses = model.step(batches, *labels, iteration, case.endswith("enc"))
    return model, losses, expected


def departures(got: dict[str, float], expected: dict[str, float], tolerance: float, noise: float = 0.0) -> list[str]:
    """Entries that are missing or further off than `tolerance`, relative; those at most `noise` are not judged."""
    wrong = [f"{key}: only on one side" for key in sorted(set(got) ^ set(expected))]
    for key in sorted(set(got) & set(expected)):
        if expected[key] > noise and abs(got[key] - expected[key]) > tolerance * expected[key]:
            wrong.append(f"{key}: {got[key]!r} instead of {expected[key]!r}")
        if expected[key] == 0 and got[key] != 0:
            wrong.append(f"{key}: {got[key]!r} instead of 0")
    return wrong


@pytest.mark.slow
@pytest.mark.large
@pytest.mark.timeout(600)
@pytest.mark.skipif(not os.environ.get("DGNET_ALL_CASES"), reason="`make parity` runs it")
@pytest.mark.parametrize("case", CASES)
def test_the_naive_step_computes_what_the_official_one_did(case: str, tmp_path: Path) -> None:
    model, losses, expected = run_case(case, tmp_path)
    assert departures(losses, expected["losses"], LOSS_TOLERANCE) == []
    arrays = np.load(REFERENCE / "dgnet_dev.npz")
    for name, (own, slices) in ARRAYS.items():
        np.testing.assert_allclose(
            model.seen[own].numpy()[slices], arrays[f"{case}_style0/{name}"], rtol=1e-5, atol=1e-6
        )
    for index, name in enumerate(("logits_primary_a", "logits_fine_a")):
        np.testing.assert_allclose(
            model.seen["p_a"][index].numpy(), arrays[f"{case}_style0/{name}"], rtol=1e-5, atol=1e-6
        )
    for network, norms in expected["grad_norms"].items():
        noise = NOISE * max(norms.values())
        assert departures(model.grad_norms()[network], norms, NORM_TOLERANCE, noise) == []
    for network, norms in expected["param_norms_after_step"].items():
        assert departures(model.param_norms()[network], norms, NORM_TOLERANCE) == []


def test_a_departure_is_named() -> None:
    """The comparison above can fail: on a missing entry, on a value off by more than the tolerance, on a lost zero."""
    expected = {"a": 1.0, "b": 2.0, "noise": 1e-12, "off": 0.0}
    assert departures(dict(expected, noise=5e-12, a=1 + 1e-9), expected, 1e-8, noise=1e-6) == []
    got = {"a": 1 + 1e-7, "noise": 1e-12, "off": 1e-9}
    assert [line.split(":")[0] for line in departures(got, expected, 1e-8, noise=1e-6)] == ["b", "a", "off"]


def test_the_fill_is_the_same_everywhere() -> None:
    """Stored numbers. The scale of a weight is rounded to float32 before it multiplies: the last digits tell.

    Another last digit moves the gradients of the step by half: batch norm over two samples amplifies it.
    """
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 1, 1), torch.nn.BatchNorm2d(1))
    fill_state_dict(module, "fill.")
    assert {key: value.flatten().tolist() for key, value in module.state_dict().items()} == {
        "0.weight": [-0.9347485303878784, -0.3136754035949707, -0.4894576072692871],
        "0.bias": [-0.1304343193769455],
        "1.weight": [1.1603918075561523],
        "1.bias": [0.03629818931221962],
        "1.running_mean": [-0.16573481261730194],
        "1.running_var": [1.0553466081619263],
        "1.num_batches_tracked": [0],
    }
    assert images(7, 1, 8, 8).flatten()[:3].tolist() == [1.8127806186676025, 1.4538488388061523, 1.691145420074463]
