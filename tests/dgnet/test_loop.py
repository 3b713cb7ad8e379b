"""The loop's small decisions: when a run must stop, whose checkpoint it goes on from, which coin an iteration gets."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from dgnet.checkpoint import save_checkpoint
from dgnet.data.records import Dataset, Record
from dgnet.device import Precision
from dgnet.errors import UserError
from dgnet.loop import JointTraining, continued, encodes_again, require_finite, require_finite_state
from dgnet.optimisers import Optimisers
from dgnet.run import Run
from dgnet.step import JointBatch
from tests.dgnet.small_training import SmallTraining, narrow_trunks, quick_config, random_batch, small_training

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_trunks(monkeypatch)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.open(tmp_path / "run", {}, curves=tmp_path / "curves")


def spoil(tensor: torch.Tensor) -> None:
    tensor.data.view(-1)[0] = float("nan")


@pytest.mark.parametrize(
    ("where", "term"),
    [
        (lambda training, batch: spoil(batch.real[0]), "discriminator adversarial"),
        (lambda training, batch: spoil(batch.real[2]), "same_identity_reconstruction"),
        (lambda training, batch: spoil(training.generator.appearance.fine.logits.weight), "identity_fine"),
        (lambda training, batch: spoil(training.teachers[0].classifier.logits.weight), "teaching"),
    ],
)
def test_a_nan_stops_the_run_with_the_name_of_the_term(
    run: Run, where: Callable[[SmallTraining, JointBatch], None], term: str
) -> None:
    training, batch = small_training(quick_config()), random_batch()
    good = training(batch)
    require_finite((6, good), run)
    require_finite(None, run)
    where(training, batch)
    record = training(batch)
    with pytest.raises(UserError) as caught:
        require_finite((7, record), run)
    assert str(caught.value) == (f"the term {term!r} is nan at iteration 7; the run stops, nothing had been saved yet")
    run.save(3, {"iteration": 3})
    with pytest.raises(UserError, match="its last good state is .*checkpoint_00000003.pt"):
        require_finite((7, record), run)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize(
    "entry", ["generator.decoder.style.layers.1.bias", "discriminator.scales.2.layers.0.convolution.bias"]
)
def test_weights_that_are_not_numbers_are_not_saved(run: Run, entry: str, bad: float) -> None:
    """A bad gradient spoils the weights while every term is still finite."""
    config = quick_config()
    small = small_training(config)
    optimisers = Optimisers(small.generator, small.discriminator, config)
    training = JointTraining(small.generator, small.discriminator, optimisers, (Precision("fp32", CPU),) * 2)
    require_finite_state(training, 5, run)
    network, key = entry.split(".", 1)
    getattr(training, network).state_dict()[key].view(-1)[1] = bad
    with pytest.raises(UserError, match=f"the weights '{entry}' are not finite after iteration 5; the run stops"):
        require_finite_state(training, 5, run)


def test_a_run_does_not_go_on_with_other_people(tmp_path: Path) -> None:
    def people(*identities: int) -> Dataset:
        return Dataset("some", tmp_path, tuple(Record(tmp_path / "x.png", i, 1, "train") for i in identities))

    path = tmp_path / "checkpoint_00000004.pt"
    save_checkpoint(path, {"identities": [2, 5, 7], "iteration": 4})
    assert continued(path, people(7, 2, 5, 5), CPU)["iteration"] == 4
    for others in (people(2, 5), people(2, 5, 8), people(2, 5, 7, 9)):
        with pytest.raises(UserError, match="3 identities that are not the") as caught:
            continued(path, others, CPU)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_the_coin_of_an_iteration() -> None:
    coins = [encodes_again(quick_config(), iteration) for iteration in range(400)]
    assert coins == [encodes_again(quick_config(), iteration) for iteration in range(400)]
    assert 160 < sum(coins) < 240
    assert coins != [encodes_again(quick_config({"run.seed": 1}), iteration) for iteration in range(400)]
    for probability, expected in ((0, 0), (1, 400)):
        config = quick_config({"loss.encode_again": probability})
        assert sum(encodes_again(config, iteration) for iteration in range(400)) == expected
