"""The joint step against numbers of the official release: every loss, gradient norm and state norm, in float64.

A case takes half a minute. The one in which every term reaches the generator runs always; all three do with
DGNET_ALL_CASES=1 in the environment (`make parity`). What they have otherwise (the structure encoder trained on
generated images, ramps that have not begun) is compared in small with the naive step, whose numbers `make parity`
checks, too (test_step_options.py, tests/test_oracle_parity.py).
"""

import json
import os
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dgnet.config import Config, parse_config
from dgnet.core.device import Precision
from dgnet.core.distributed import Distributed
from dgnet.models.build import build_discriminator, build_generator, build_teacher
from dgnet.models.discriminator import MultiScaleDiscriminator
from dgnet.models.generator import Generator
from dgnet.models.reid_model import ReIDModel
from dgnet.official import weights as official
from dgnet.training.batch import JointBatch
from dgnet.training.optimizers import Optimizers
from dgnet.training.record import StepRecord
from dgnet.training.step import JointStep
from dgnet.training.teacher_ensemble import TeacherEnsemble
from tests.reference_fill import filled_state_dict, step_images

REFERENCE = Path(__file__).parents[2] / "reference"
CASES = ("late_copy_style0", "late_enc_style0", "early_enc_style0")
IDENTITIES = 16
LOSS_TOLERANCE = 1e-8
NORM_TOLERANCE = 1e-6
# Entries this far below the largest of their network are rounding noise (biases in front of an instance norm).
NOISE = 1e-6


@lru_cache
def reference() -> dict:
    return json.loads((REFERENCE / "dgnet_dev.json").read_text())


def case_config(late: bool) -> Config:
    """The official latest.yaml without dropout and erasing; the late cases have every ramp at its maximum."""
    begin = 0 if late else 30_000
    return parse_config(
        {
            "appearance": {"primary_dropout": 0, "fine_dropout": 0},
            "teacher": {"dropout": 0},
            "data": {"erasing": 0},
            "loss": {"code_ramp_begin": begin, "teacher_ramp_begin": begin, "ramp_rate": 100},
        },
        "test",
    )


def official_networks(config: Config) -> tuple[Generator, MultiScaleDiscriminator, ReIDModel]:
    """Our networks in float64 with the weights of the reference."""
    shapes = reference()["state_dict_shapes"]
    references = {net: filled_state_dict(shapes[net], net + ".") for net in ("gen", "dis", "id", "teacher")}
    generator = build_generator(config, IDENTITIES)
    generator.load_state_dict(official.generator_state(references["gen"], references["id"]))
    discriminator = build_discriminator(config)
    discriminator.load_state_dict(official.discriminator_state(references["dis"]))
    teacher = build_teacher(config.teacher, IDENTITIES)
    teacher.load_state_dict(official.appearance_state(references["teacher"]))
    return generator.double().train(), discriminator.double().train(), teacher.double().eval()


def reference_images(name: str) -> Tensor:
    """`[role, batch, 3, height, width]`: a, b and their positives."""
    images = step_images(reference()[name]["image_seed"], 0, 2, 256, 128)
    return torch.stack([images[key].double() for key in ("x_a", "x_b", "xp_a", "xp_b")])


def run_case(
    name: str, device: torch.device
) -> tuple[dict, StepRecord, Generator, nn.Module, dict[str, dict[str, Tensor]]]:
    expected = reference()[name]["steps"][0]
    config = case_config(late=name.startswith("late"))
    generator, discriminator, teacher = (network.to(device) for network in official_networks(config))
    optimizers = Optimizers(generator, discriminator, config)
    precision = Precision("fp32", device), Precision("fp32", device)
    step = JointStep(
        generator,
        discriminator,
        TeacherEnsemble([teacher], config.teacher.label, config.loss.batch_statistics_when_frozen, IDENTITIES),
        optimizers,
        precision,
        Distributed.start(str(device)),
        config,
    )
    labels = torch.tensor([expected["labels_a"], expected["labels_b"]], device=device)
    batch = JointBatch(reference_images(name).to(device), None, labels)
    gradients: dict[str, dict[str, Tensor]] = {}
    for network_name, network in (("generator", generator), ("discriminator", discriminator)):
        gradients[network_name] = {}
        for key, parameter in network.named_parameters():
            parameter.register_post_accumulate_grad_hook(
                lambda p, store=gradients[network_name], key=key: store.__setitem__(key, p.grad)
            )
    record = step(batch, iteration=1 if name.startswith("late") else 0, train_structure_encoder="enc" in name)
    return expected, record, generator, discriminator, gradients


def halves(terms: dict[str, Tensor], name: str) -> list[float]:
    return terms[name].tolist() if name in terms else [0.0, 0.0]


@pytest.mark.slow
@pytest.mark.large
@pytest.mark.parametrize("name", CASES if os.environ.get("DGNET_ALL_CASES") else CASES[:1])
def test_step_equals_the_official_one(name: str, device: torch.device) -> None:
    expected, record, generator, discriminator, gradients = run_case(name, device)
    weights, terms, judged = record.weights, record.generator, record.discriminator
    ours = {"loss_gen_total": record.total.item()}
    for theirs, mine in {
        "adv": "adversarial", "recon_x": "self_reconstruction", "recon_xp": "same_identity_reconstruction",
        "recon_f": "appearance_code", "recon_s": "structure_code", "cycrecon_x": "cycle",
    }.items():  # fmt: skip
        ours[f"loss_gen_{theirs}_a"], ours[f"loss_gen_{theirs}_b"] = halves(terms, mine)
    fine = sum(halves(terms, "identity_fine_grained")) * weights.identity_fine_grained
    ours["loss_id"] = sum(halves(terms, "identity")) + fine
    ours["loss_pid"] = sum(halves(terms, "positive_identity"))
    ours["loss_gen_recon_id"] = sum(halves(terms, "generated_identity"))
    ours["loss_teacher"] = sum(halves(terms, "soft_label")) + 0.2 * sum(halves(terms, "fine_grained"))
    ours["loss_dis_a"], ours["loss_dis_b"] = (judged["adversarial"] + 0.01 * judged["gradient_penalty"]).tolist()
    ours["loss_dis_total"] = ours["loss_dis_a"] + ours["loss_dis_b"]
    assert ours.keys() == expected["losses"].keys()
    for key, value in expected["losses"].items():
        assert ours[key] == pytest.approx(value, rel=LOSS_TOLERANCE, abs=1e-12), key

    for net in ("gen", "id", "dis"):
        compare(expected["grad_norms"][net], by_official_names(net, gradients), f"gradient of {net}")
        state = {"generator": generator.state_dict(), "discriminator": discriminator.state_dict()}
        compare(expected["param_norms_after_step"][net], by_official_names(net, state), f"state of {net}")


def by_official_names(net: str, tensors: dict[str, dict[str, Tensor]]) -> dict[str, float]:
    """Norms under the official keys: the rules of `official` tell which of ours each of theirs became."""
    shapes = reference()["state_dict_shapes"]
    marked = {n: {k: torch.full((1,), i) for i, k in enumerate(shapes[n])} for n in ("gen", "id", "dis")}
    if net == "dis":
        ours, source = official.discriminator_state(marked["dis"]), tensors["discriminator"]
    else:
        ours, source = official.generator_state(marked["gen"], marked["id"]), tensors["generator"]
        ours = {k: v for k, v in ours.items() if k.startswith("appearance.") == (net == "id")}
    names = list(shapes[net])
    norms = {}
    for key, index in ours.items():
        if key not in source:
            continue
        # A stack of several of theirs: one index per slice.
        parts = [source[key]] if index.numel() == 1 else list(source[key])
        for part, position in zip(parts, index.flatten().tolist(), strict=True):
            norms[names[position]] = part.double().norm().item()
    return norms


def compare(expected: dict[str, float], ours: dict[str, float], what: str) -> None:
    largest = max(expected.values())
    for key, value in expected.items():
        if key.startswith("model.fc.") or ".norm.running_" in key and key.startswith("dec."):
            continue  # never read by the official code, not kept here
        if value < NOISE * largest:
            assert ours.get(key, 0.0) < 10 * NOISE * largest, f"{what}: {key}"
        else:
            assert ours[key] == pytest.approx(value, rel=NORM_TOLERANCE), f"{what}: {key}"


def forward() -> dict[str, np.ndarray]:
    """What our networks make of the reference's images, in training mode, sliced as it is stored."""
    generator, _, _ = official_networks(case_config(late=True))
    a, b, positive_a, _ = reference_images(CASES[0])
    with torch.no_grad():
        encoded_a, encoded_b, encoded_positive = map(generator.appearance, (a, b, positive_a))
        structure_a, structure_b = map(generator.encode_structure, (a, b))
        images = {
            "x_ab": generator.decoder(structure_a, encoded_b.code),
            "x_ba": generator.decoder(structure_b, encoded_a.code),
            "recon_a": generator.decoder(structure_a, encoded_a.code),
            "recon_same_id_a": generator.decoder(structure_a, encoded_positive.code),
        }
    return {name: image[:, :, ::4, ::4].numpy() for name, image in images.items()} | {
        "structure_a": structure_a[:, ::8, ::4, ::4].numpy(),
        "structure_b": structure_b[:, ::8, ::4, ::4].numpy(),
        "appearance_a": encoded_a.code[:, ::16].numpy(),
        "appearance_b": encoded_b.code[:, ::16].numpy(),
        "logits_primary_a": encoded_a.primary.logits.numpy(),
        "logits_fine_a": encoded_a.fine.logits.numpy(),
    }


@pytest.mark.slow
def test_forward_equals_the_stored_slices() -> None:
    """The cases differ in the iteration alone, which no forward pass sees."""
    slices = forward()
    with np.load(REFERENCE / "dgnet_dev.npz") as stored:
        for name in CASES:
            assert reference()[name]["image_seed"] == reference()[CASES[0]]["image_seed"]
            assert {key for key in stored.files if key.startswith(f"{name}/")} == {f"{name}/{key}" for key in slices}
            for key, ours in slices.items():
                np.testing.assert_allclose(ours, stored[f"{name}/{key}"], rtol=1e-5, atol=1e-6, err_msg=key)
