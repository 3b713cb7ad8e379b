"""Learning rates of every epoch, beside the official numbers."""

import json
from pathlib import Path

import pytest

from dgnet.core.errors import UserError
from reid_heads.config import ReIDConfig
from reid_heads.training.components import describe_unused_schedule, is_test_epoch, learning_rate
from reid_heads.training.schedules import parse_decay, warmup_multistep
from tests.messages import mentions

REFERENCE = Path(__file__).parents[2] / "reference" / "heads_dev.json"


def test_the_rates_of_the_bag_of_tricks() -> None:
    rates = json.loads(REFERENCE.read_text())["warmup_multistep_lr"]["lr_by_epoch"]
    assert len(rates) == 120
    ours = [learning_rate(ReIDConfig(), epoch) for epoch in range(120)]
    assert ours == pytest.approx(rates, rel=1e-12)
    assert ours[:-1] != pytest.approx(rates[1:], rel=1e-12)


def test_steps_without_warm_up() -> None:
    factors = [warmup_multistep(epoch, parse_decay("step_320_380"), 0.1) for epoch in range(400)]
    assert factors == pytest.approx([1.0] * 320 + [0.1] * 60 + [0.01] * 20)
    assert parse_decay("constant") == ()


@pytest.mark.parametrize("text", ["step", "step_", "step_380_320", "step_0_3", "steps_3", "step_3_3", "cosine", ""])
def test_a_decay_that_cannot_be_read(text: str) -> None:
    with pytest.raises(UserError, match=mentions("decay", "'constant'")):
        parse_decay(text)


def test_tests_come_every_few_epochs_and_at_the_end() -> None:
    config = ReIDConfig.model_validate({"test": {"every": 3}, "schedule": {"epochs": 8}})
    assert [epoch for epoch in range(1, 9) if is_test_epoch(config, epoch)] == [3, 6, 8]
    never = ReIDConfig.model_validate({"test": {"every": 0}, "schedule": {"epochs": 8}})
    assert not any(is_test_epoch(never, epoch) for epoch in range(1, 9))


def test_what_lies_after_the_last_epoch_is_told() -> None:
    """Ten epochs of the bag of tricks were a warm-up and nothing else."""
    short = ReIDConfig.model_validate({"schedule": {"epochs": 10}})
    warmup, decay = describe_unused_schedule(short)
    assert "warmup_epochs is 10" in warmup and "epoch 40 and 70" in decay
    assert not describe_unused_schedule(ReIDConfig())
    middle = ReIDConfig.model_validate({"schedule": {"epochs": 60}})
    assert [("70" in sentence, "40" in sentence) for sentence in describe_unused_schedule(middle)] == [(True, False)]
