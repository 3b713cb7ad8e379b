"""Every option of the official configuration: several iterations of our step against the naive one, in float64."""

from typing import Any

import pytest
import torch
from torch import Tensor

from dgnet.core.distributed import Distributed
from dgnet.official import weights as official
from dgnet.training.batch import JointBatch
from dgnet.training.record import StepRecord
from tests.dgnet.small_training import (
    ROLES,
    narrow_trunks,
    random_batch,
    small_config,
    small_naive,
    small_training,
    watch,
)
from tests.oracles.naive_step import NaiveDGNet

pytestmark = pytest.mark.slow

LOSS_TOLERANCE = 1e-8
TENSOR_TOLERANCE = 1e-6
# A tensor this far below the largest of its network is rounding noise (biases in front of an instance norm).
NOISE = 1e-9
HALVES = {
    "recon_x": "self_reconstruction",
    "recon_xp": "same_identity_reconstruction",
    "recon_f": "appearance_code",
    "recon_s": "structure_code",
    "cycrecon_x": "cycle",
    "adv": "adversarial",
}
# Settings and the number of teachers. Options that do not meet in the arithmetic share a case.
CASES: dict[str, tuple[dict[str, Any], int]] = {
    "paper": ({}, 1),
    "hard label of two teachers, average pooling, other weights": (
        {"teacher.label": "hard", "appearance.pooling": "avg", "discriminator.gradient_penalty": 0.1}
        | {"loss.adversarial": 0.7, "loss.self_reconstruction": 3, "loss.same_identity_reconstruction": 2}
        | {"loss.fine_grained": 0.5, "loss.soft_label": 0.8, "loss.identity": 0.6, "loss.positive_identity": 0.9},
        2,
    ),
    "appearance label, cross-entropy adversary, strides": (
        {
            "teacher.label": "appearance",
            "discriminator.kind": "nsgan",
            "appearance.last_stride": 2,
            "teacher.last_stride": 1,
        },
        0,
    ),
    "uniform label, edges, no codes yet": (
        {"teacher.label": "lsro", "structure.input": "edge", "loss.code_ramp_begin": 9},
        0,
    ),
    "label between the sources, running statistics": (
        {"teacher.label": "soft_between", "loss.batch_statistics_when_frozen": False},
        1,
    ),
    "erasing, codes ramp up before the teacher": (
        {"data.erasing": 0.5, "loss.code_ramp_begin": 1, "loss.teacher_ramp_begin": 2},
        1,
    ),
    "all at once": (
        {"discriminator.kind": "nsgan", "structure.input": "edge", "appearance.pooling": "avg", "teacher.label": "soft"}
        | {"loss.batch_statistics_when_frozen": False, "data.erasing": 0.5},
        2,
    ),
}


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_trunks(monkeypatch)


def naive_step(naive: NaiveDGNet, batch: JointBatch, iteration: int, train_structure_encoder: bool) -> dict[str, float]:
    x = dict(zip(ROLES, batch.real, strict=True))
    if batch.erased is not None:
        x |= {f"erased_{role}": images for role, images in zip(ROLES, batch.erased, strict=True)}
    return naive.step(x, *batch.labels, iteration, train_structure_encoder)


def official_losses(record: StepRecord, soft: float, fine: float, penalty: float) -> dict[str, float]:
    """Our record in the official names."""
    zero = torch.zeros(2, dtype=torch.float64)
    losses = {}
    for theirs, mine in HALVES.items():
        for half, value in zip("ab", record.generator.get(mine, zero), strict=True):
            losses[f"loss_gen_{theirs}_{half}"] = value
    sums = {name: value.sum() for name, value in record.generator.items()}
    teacher = record.weights.fine_grained / fine
    losses["loss_id"] = sums["identity"] + teacher * fine * sums["identity_fine_grained"]
    losses["loss_pid"] = sums["positive_identity"]
    losses["loss_gen_recon_id"] = sums["generated_identity"]
    losses["loss_teacher"] = soft * sums.get("soft_label", zero[0]) + fine * sums.get("fine_grained", zero[0])
    losses["loss_gen_total"] = record.total
    return {name: float(value) for name, value in losses.items()} | judged(record, penalty)


def judged(record: StepRecord, penalty: float) -> dict[str, float]:
    a, b = (record.discriminator["adversarial"] + penalty * record.discriminator["gradient_penalty"]).tolist()
    return {"loss_dis_a": a, "loss_dis_b": b}


def assert_same_tensors(ours: dict[str, Tensor], theirs: dict[str, Tensor], what: str) -> None:
    assert ours.keys() == theirs.keys(), (what, ours.keys() ^ theirs.keys())
    theirs = {key: tensor.double() for key, tensor in theirs.items()}
    largest = max(tensor.norm().item() for tensor in theirs.values())
    for key, tensor in theirs.items():
        apart = (ours[key] - tensor).norm().item()
        assert apart <= TENSOR_TOLERANCE * tensor.norm().item() + NOISE * largest, f"{what}: {key} {apart:.2g}"


@pytest.mark.parametrize("case", CASES)
def test_an_option_equals_the_naive_step(case: str, device: torch.device) -> None:
    changes, teachers = CASES[case]
    config = small_config(changes)
    ours = small_training(config, teachers, distributed=Distributed.start(str(device)))
    naive = small_naive(config, ours)
    theirs: dict[str, dict[str, Tensor]] = {}
    for name, network, optimizer in (
        ("gen", naive.gen, naive.gen_opt),
        ("id", naive.id, naive.id_opt),
        ("dis", naive.dis, naive.dis_opt),
    ):
        watch(theirs, name, network, optimizer)
    for iteration in (1, 2):
        train_structure_encoder = iteration % 2 == 1
        batch = random_batch(iteration, erasing=config.data.erasing > 0)
        expected = naive_step(naive, batch, iteration, train_structure_encoder)
        total = expected.pop("loss_dis_total")
        record = ours(batch, iteration, train_structure_encoder)
        losses = official_losses(
            record, config.loss.soft_label, config.loss.fine_grained, config.discriminator.gradient_penalty
        )
        assert losses.keys() == expected.keys()
        for name, value in expected.items():
            assert losses[name] == pytest.approx(value, rel=LOSS_TOLERANCE, abs=1e-12), (iteration, name)
        judged_total = config.loss.adversarial * (losses["loss_dis_a"] + losses["loss_dis_b"])
        assert judged_total == pytest.approx(total, rel=LOSS_TOLERANCE)

        mine = ours.gradients
        assert_same_tensors(mine["generator"], official.generator_state(theirs["gen"], theirs["id"]), "gradient")
        assert_same_tensors(mine["discriminator"], official.discriminator_state(theirs["dis"]), "gradient")
        states = ours.states()
        stored = official.generator_state(naive.gen.state_dict(), naive.id.state_dict())
        assert_same_tensors(states["generator"], stored, "state")
        assert_same_tensors(states["discriminator"], official.discriminator_state(naive.dis.state_dict()), "state")


def test_the_comparison_tells_a_wrong_step() -> None:
    """What the tolerances are for: the same weights with the encoder's batches merged are told apart at once."""
    config = small_config({"short_training.merge_batch_statistics": True})
    ours = small_training(config)
    naive = small_naive(config, ours)
    expected = naive_step(naive, random_batch(), 1, True)
    losses = official_losses(ours(random_batch(), 1), 1, 0.2, 0.01)
    assert abs(losses["loss_id"] - expected["loss_id"]) > 1e4 * LOSS_TOLERANCE
