"""The loop's small decisions: when a run must stop, whose checkpoint it goes on from, which coin an iteration gets."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from dgnet.core.device import Precision
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.runs.run import Run
from dgnet.training.batch import JointBatch
from dgnet.training.finite import require_finite, require_finite_weights
from dgnet.training.joint import JointTask, JointTraining, trains_structure_encoder
from dgnet.training.muon import Muon
from dgnet.training.optimizers import Optimizers
from tests.dgnet.small_training import SmallTraining, narrow_trunks, quick_config, random_batch, small_training
from tests.messages import mentions

CPU = torch.device("cpu")
ALONE = Distributed(0, 0, 1, CPU)


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_trunks(monkeypatch)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Left at the end: an open run goes on writing what later ones in this process say."""
    with Run.open(tmp_path / "run", {}, curves=tmp_path / "curves") as run:
        yield run


def joint_task(small: SmallTraining) -> JointTask:
    config = small.step.config
    optimizers = Optimizers(small.generator, small.discriminator, config)
    training = JointTraining(small.generator, small.discriminator, optimizers, (Precision("fp32", CPU),) * 2)
    return JointTask(training, small.step.teachers, ALONE, config)


def spoil(tensor: torch.Tensor) -> None:
    tensor.data.view(-1)[0] = float("nan")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "term"),
    [
        (lambda training, batch: spoil(batch.real[0]), "discriminator_adversarial"),
        (lambda training, batch: spoil(batch.real[2]), "same_identity_reconstruction"),
        (lambda training, batch: spoil(training.generator.appearance.fine.logits.weight), "identity_fine_grained"),
        (lambda training, batch: spoil(training.teachers[0].classifier.logits.weight), "soft_label"),
    ],
)
def test_a_nan_stops_the_run_with_the_name_of_the_term(
    run: Run, where: Callable[[SmallTraining, JointBatch], None], term: str
) -> None:
    training, batch = small_training(quick_config()), random_batch()
    task = joint_task(training)
    require_finite([(6, task.log(training(batch)))], task, run, ALONE)
    where(training, batch)
    log = task.log(training(batch))
    with pytest.raises(UserError) as caught:
        require_finite([(7, log), (8, log)], task, run, ALONE)
    assert str(caught.value) == (
        f"the loss term {term!r} is nan at iteration 7; the run stops, nothing had been saved yet"
    )
    run.save(3, {"iteration": 3})
    with pytest.raises(UserError, match=mentions("good", "checkpoint_00000003.pt")):
        require_finite([(7, log), (8, log)], task, run, ALONE)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize(
    "entry", ["generator.decoder.style.layers.1.bias", "discriminator.scales.2.layers.0.convolution.bias"]
)
def test_weights_that_are_not_numbers_are_not_saved(run: Run, entry: str, bad: float) -> None:
    """A bad gradient spoils the weights while every term is still finite."""
    task = joint_task(small_training(quick_config()))
    require_finite_weights(5, task, run, ALONE)
    network, key = entry.split(".", 1)
    task.networks[network].state_dict()[key].view(-1)[1] = bad
    with pytest.raises(UserError, match=f"the weights '{entry}' are not finite after iteration 5; the run stops"):
        require_finite_weights(5, task, run, ALONE)


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", None), ("fp16", None), ("bf16", torch.bfloat16)])
def test_steps_of_matrices_are_made_in_bf16_where_the_step_is(precision: str, dtype: torch.dtype | None) -> None:
    config = quick_config({"run.precision": precision, "short_training.muon_rate": 0.01})
    (muon,) = (one for one in JointTraining.fresh(config, 5, ALONE).optimizers.of_generator if isinstance(one, Muon))
    assert muon.dtype == dtype


@pytest.mark.parametrize("muon_rate", [0, 0.01])
def test_the_state_is_everything_that_moves(muon_rate: float) -> None:
    """Into a training that began otherwise: networks, optimizers, and a gradient scaler that once had to give way."""
    changes = {"run.precision": "fp16", "short_training.muon_rate": muon_rate}
    configs = (quick_config(changes | {"run.seed": seed}) for seed in (0, 1))
    first, second = (JointTraining.fresh(config, 5, ALONE) for config in configs)
    assert len(first.optimizers.of_generator) == (3 if muon_rate else 2)
    for optimizer in (*first.optimizers.of_generator, first.optimizers.discriminator):
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = torch.randn_like(parameter)
        optimizer.step()
    precision = first.precision[1]
    precision.backward(float("inf") * sum(p.sum() for p in first.generator.structure.parameters()))
    precision.step(first.optimizers.generator)
    assert precision.skipped_steps == 1 and precision.scale < first.precision[0].scale
    before = copy.deepcopy(first.state_dict())
    assert not equal(before, second.state_dict())
    second.load_state_dict(before)
    assert equal(before, second.state_dict())
    assert second.precision[1].scale == precision.scale and second.precision[1].skipped_steps == 1


def equal(first: Any, second: Any) -> bool:
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(equal(first[key], second[key]) for key in first)
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(equal, first, second))
    return torch.equal(first, second) if isinstance(first, torch.Tensor) else first == second


@pytest.mark.slow
def test_the_coin_of_an_iteration() -> None:
    coins = [trains_structure_encoder(quick_config(), iteration) for iteration in range(400)]
    assert coins == [trains_structure_encoder(quick_config(), iteration) for iteration in range(400)]
    assert 160 < sum(coins) < 240
    assert coins != [trains_structure_encoder(quick_config({"run.seed": 1}), iteration) for iteration in range(400)]
    for probability, expected in ((0, 0), (1, 400)):
        config = quick_config({"loss.structure_encoder_probability": probability})
        assert sum(trains_structure_encoder(config, iteration) for iteration in range(400)) == expected


def test_a_checkpoint_of_a_gpu_goes_on_here_in_this_devices_way() -> None:
    """The fused optimizers of a GPU are no setting of the training."""
    config = quick_config({})
    first, second = (JointTraining.fresh(config, 5, Distributed.start("cpu")) for _ in range(2))
    state = first.state_dict()
    for optimizer in state["optimizers"].values():
        for group in optimizer["param_groups"]:
            group["fused"], group["lr"] = True, 0.125
    second.load_state_dict(state)
    for optimizer in (second.optimizers.discriminator, *second.optimizers.of_generator):
        assert [(group["fused"], group["lr"]) for group in optimizer.param_groups] == [
            (None, 0.125) for _ in optimizer.param_groups
        ]
