"""Before `short_training.identity_begin` the appearance encoder is not trained, and encodes only what is decoded."""

import pytest
import torch

from dgnet.config import Config, override_config
from dgnet.training.schedule import loss_weights
from tests.dgnet.small_training import narrow_trunks, quick_config, random_batch, small_training

LATER = {"short_training.swap_begin": 6, "short_training.identity_begin": 4, "loss.self_reconstruction": 0}
NAMES = {"identity", "identity_fine_grained", "positive_identity"}


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_trunks(monkeypatch)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_only_the_positives_are_encoded_and_no_weight_of_the_encoder_moves(accumulate: int) -> None:
    training = small_training(quick_config(LATER | {"run.accumulate": accumulate, "run.batch_size": 4}))
    batch = random_batch(batch=4)
    seen: list[torch.Tensor] = []
    training.generator.appearance.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    before = {name: value.detach().clone() for name, value in training.generator.named_parameters()}
    record = training(batch, iteration=3)
    assert record.generator.keys() == {"same_identity_reconstruction"}
    positives = batch.real[2:].flatten(0, 1)
    assert sum(map(len, seen)) == len(positives)
    assert all((positives == image).flatten(1).all(1).any() for part in seen for image in part)
    moved = {n.split(".")[0] for n, value in training.generator.named_parameters() if not torch.equal(value, before[n])}
    assert moved == {"structure", "decoder"}


@pytest.mark.slow
def test_the_reconstruction_is_that_of_a_whole_iteration() -> None:
    early, whole = (small_training(quick_config(changes))(random_batch(), iteration=0) for changes in (LATER, {}))
    name = "same_identity_reconstruction"
    torch.testing.assert_close(early.generator[name], whole.generator[name], rtol=1e-9, atol=1e-12)


def test_from_then_on_real_images_are_named() -> None:
    training = small_training(quick_config(LATER))
    assert training(random_batch(), iteration=4).generator.keys() == NAMES | {"same_identity_reconstruction"}


def test_the_weights_of_names_begin_when_they_are_told_to() -> None:
    always = override_config(Config(), ["loss.teacher_start=1"])
    config = override_config(always, ["short_training.identity_begin=100"])
    neither = ["short_training.swap_begin=100", "loss.self_reconstruction=0"]
    assert {name for name in NAMES if getattr(loss_weights(config, 99), name) > 0} == set()
    assert not loss_weights(override_config(config, neither), 99).need_anchor_codes
    assert loss_weights(config, 100) == loss_weights(always, 100)
