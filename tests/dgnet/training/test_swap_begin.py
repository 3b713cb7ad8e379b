"""Before `short_training.swap_begin` an iteration reconstructs and names real images, and does nothing else."""

import pytest
import torch
from torch import Tensor

from dgnet.config import Config, override_config
from dgnet.training.schedule import loss_weights
from tests.dgnet.small_training import narrow_trunks, quick_config, random_batch, small_training

LATER = {"short_training.swap_begin": 6}
REAL_IMAGES_ALONE = {
    "self_reconstruction",
    "same_identity_reconstruction",
    "identity",
    "identity_fine_grained",
    "positive_identity",
}


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_trunks(monkeypatch)


def moved(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    """The entries that changed."""
    return {name for name, value in before.items() if not torch.equal(value, after[name])}


def test_only_real_images_are_looked_at() -> None:
    training = small_training(quick_config(LATER))
    training.step.discriminator.register_forward_pre_hook(lambda *_: pytest.fail("the discriminator was asked"))
    before = training.states()
    record = training(random_batch(), iteration=5)
    after = training.states()
    assert record.generator.keys() == REAL_IMAGES_ALONE and record.discriminator == {}
    assert not moved(before["discriminator"], after["discriminator"])
    parts = {name.split(".")[0] for name in moved(before["generator"], after["generator"])}
    assert parts == {"structure", "decoder", "appearance"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["self_reconstruction", "same_identity_reconstruction", "identity"])
def test_its_terms_are_those_of_a_whole_iteration(name: str) -> None:
    early, whole = (small_training(quick_config(changes))(random_batch()) for changes in (LATER, {}))
    torch.testing.assert_close(early.generator[name], whole.generator[name], rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_from_then_on_an_iteration_is_whole() -> None:
    later, always = (small_training(quick_config(changes)) for changes in (LATER, {}))
    records = [training(random_batch(), iteration=6) for training in (later, always)]
    assert records[0].generator.keys() == records[1].generator.keys()
    for network, state in later.states().items():
        assert not moved(state, always.states()[network])


def test_accumulated_parts_reconstruct_too() -> None:
    training = small_training(quick_config(LATER | {"run.accumulate": 2, "run.batch_size": 4}))
    record = training(random_batch(batch=4), iteration=0)
    assert record.generator.keys() == REAL_IMAGES_ALONE and record.discriminator == {}


@pytest.mark.parametrize("iteration", [0, 39_999])
def test_no_term_of_a_swapped_image_has_a_weight(iteration: int) -> None:
    later = override_config(Config(), ["short_training.swap_begin=40000"])
    weights = loss_weights(later, iteration)
    assert not weights.need_swapped_images
    assert {name for name, value in vars(weights).items() if value > 0} == REAL_IMAGES_ALONE - {"identity_fine_grained"}
    assert loss_weights(later, 40_000) == loss_weights(Config(), 40_000)
