"""What a step says it did: terms, their absence, their precision; and the batch that it takes."""

from functools import lru_cache

import pytest
import torch

from dgnet.core import pixels
from dgnet.data.pairs import PairBatch
from dgnet.training.batch import JointBatch
from dgnet.training.record import StepRecord
from tests.dgnet.small_training import MADE_TERMS, narrow_trunks, quick_config, random_batch, small_training


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_trunks(monkeypatch)


@lru_cache
def full_record(dtype: torch.dtype = torch.float64) -> StepRecord:
    """One step with every term."""
    return small_training(quick_config(), dtype=dtype)(random_batch(dtype=dtype))


@pytest.mark.slow
@pytest.mark.parametrize("name", [*MADE_TERMS, "generated_identity", "soft_label"])
def test_a_term_of_weight_zero_is_absent_and_nothing_else(name: str) -> None:
    setting = {"soft_label": "teacher_factor"}.get(name, name)
    full = full_record()
    training = small_training(quick_config({f"loss.{setting}": 0}))
    record = training(random_batch())
    gone = {name} | ({"fine_grained"} if name == "soft_label" else set())
    assert full.generator.keys() - record.generator.keys() == gone
    for other in record.generator.keys() - {"adversarial"}:
        torch.testing.assert_close(record.generator[other], full.generator[other], rtol=1e-9, atol=1e-12)


@pytest.mark.slow
def test_no_teacher_is_asked_without_need() -> None:
    def must_not(*_: object) -> None:
        raise AssertionError("the teacher was asked")

    for changes in ({"teacher.label": "appearance"}, {"loss.teacher_ramp_begin": 5}):
        training = small_training(quick_config(changes))
        training.teachers[0].register_forward_pre_hook(must_not)
        training(random_batch())
    training = small_training(quick_config())
    training.teachers[0].register_forward_pre_hook(must_not)
    with pytest.raises(AssertionError, match="was asked"):
        training(random_batch())


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_low_precision_keeps_terms_and_weights_in_float32(precision: str) -> None:
    config = quick_config({"run.precision": precision, "run.channels_last": True})
    record = small_training(config, dtype=torch.float32)(random_batch(dtype=torch.float32))
    exact = full_record(torch.float32)
    for terms, plain in ((record.generator, exact.generator), (record.discriminator, exact.discriminator)):
        for name, value in terms.items():
            assert value.dtype == torch.float32 and value.isfinite().all(), name
            torch.testing.assert_close(value.sum(), plain[name].sum(), rtol=0.15, atol=0.01)


def test_a_batch_is_normalized_and_erased_to_zero() -> None:
    images = torch.randint(0, 256, (4, 2, 3, 8, 6), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    blank = torch.zeros(4, 2, 1, 8, 6, dtype=torch.bool)
    blank[1, 0, 0, 2:5, 1:3] = True
    labels = torch.tensor([[0, 1], [2, 3]])
    batch = JointBatch.of(PairBatch(images, blank, labels), erasing=True)
    assert batch.erased is not None
    assert torch.equal(batch.real, pixels.normalize(images))
    differ = (batch.erased != batch.real).any(2, keepdim=True)
    assert torch.equal(differ, blank) and batch.erased[1, 0, :, 2:5, 1:3].abs().max() == 0
    assert JointBatch.of(PairBatch(images, blank, labels), erasing=False).erased is None
    halves = batch.split(2)
    assert [part.real.shape[1] for part in halves] == [1, 1]
    assert torch.equal(torch.cat([part.labels for part in halves], 1), labels)
