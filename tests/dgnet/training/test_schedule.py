"""Weights and rates are functions of the iteration: their corners, and the paper's numbers at them."""

from dataclasses import asdict
from pathlib import Path

import pytest

from dgnet.config import Config, load_config
from dgnet.config.training import LossConfig, ScheduleConfig, ShortTrainingConfig
from dgnet.training.schedule import describe_unused_terms, learning_rate_factor, loss_weights, ramp
from tests.dgnet.small_training import naive_config, small_config
from tests.oracles.naive_step import NaiveDGNet

PAPER = Config()
ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("iteration", "expected"),
    [(0, 0), (30_000, 0), (30_001, 5e-4), (31_000, 0.5), (32_000, 1), (32_001, 1), (99_999, 1)],
)
def test_a_ramp_waits_grows_and_stays(iteration: int, expected: float) -> None:
    assert ramp(0.0, 1.0, 30_000, 5e-4, iteration) == pytest.approx(expected, abs=1e-12)


def test_a_ramp_never_passes_its_maximum() -> None:
    """Weight 0 switches a term off wherever its ramp would begin."""
    assert [ramp(2.0, 1.0, 10, 0.5, iteration) for iteration in (0, 10, 11, 1000)] == [1.0] * 4
    assert [ramp(0.5, 0.0, 10, 0.5, iteration) for iteration in (0, 1000)] == [0.0] * 2
    assert [ramp(0.5, 1.0, 0, 0.0, iteration) for iteration in (0, 1000)] == [0.5] * 2


def test_the_papers_weights() -> None:
    constant = {
        "adversarial": 1,
        "self_reconstruction": 5,
        "same_identity_reconstruction": 5,
        "identity": 1,
        "positive_identity": 1,
        "generated_identity": 0.5,
    }
    early, late = (asdict(loss_weights(PAPER, iteration)) for iteration in (30_000, 60_000))
    assert early == dict.fromkeys(early, 0) | constant
    ramped = {
        "appearance_code": 1,
        "structure_code": 1,
        "cycle": 2,
        "identity_fine_grained": 0.4,
        "soft_label": 2,
        "fine_grained": 0.4,
    }
    assert late == pytest.approx(constant | ramped)
    half = asdict(loss_weights(PAPER, 31_000))
    assert [half[name] for name in ramped] == pytest.approx([0.5, 0.5, 0.5, 0.1, 0.5, 0.1])


def test_each_ramp_begins_on_its_own() -> None:
    loss = LossConfig(code_ramp_begin=10, teacher_ramp_begin=20, ramp_rate=1, code_start=0.25, teacher_start=0.5)
    config = Config(loss=loss)
    weights = loss_weights(config, 11)
    assert (weights.structure_code, weights.cycle, weights.soft_label) == (1, 1.25, 0.5)
    assert weights.identity_fine_grained == 0.5 * 0.2
    weights = loss_weights(config, 21)
    assert (weights.structure_code, weights.cycle, weights.soft_label) == (1, 2, 1.5)


def test_weights_equal_the_naive_ones() -> None:
    config = small_config({"loss.code_ramp_begin": 3, "loss.teacher_ramp_begin": 5, "loss.ramp_rate": 0.3})
    naive = NaiveDGNet.__new__(NaiveDGNet)
    naive.config = naive_config(config, 1)
    for iteration in range(15):
        ours, theirs = loss_weights(config, iteration), naive.ramped_weights(iteration)
        mine = {"recon_f": ours.appearance_code, "recon_s": ours.structure_code, "cycle": ours.cycle}
        assert mine | {"teacher": ours.soft_label} == pytest.approx(theirs), iteration


@pytest.mark.parametrize(
    ("iteration", "milestones"),
    [(0, 0), (59_998, 0), (59_999, 1), (89_998, 1), (89_999, 2), (104_998, 2), (104_999, 3), (10**6, 3)],
)
def test_rates_fall_at_three_milestones(iteration: int, milestones: int) -> None:
    """The scheduler steps before the iteration: iteration 59999 is the first with the rate of 60000."""
    assert learning_rate_factor(PAPER, 0.1, iteration) == pytest.approx(0.1**milestones)


def test_milestones_are_whole_iterations() -> None:
    """int(1.5 * 5) = 7 and int(1.75 * 5) = 8, as the official code rounds."""
    config = Config(schedule=ScheduleConfig(step_size=5))
    factors = [learning_rate_factor(config, 0.5, iteration) for iteration in range(9)]
    assert factors == [1, 1, 1, 1, 0.5, 0.5, 0.25, 0.125, 0.125]


def test_rates_that_fall_evenly_end_at_nothing() -> None:
    linear = ShortTrainingConfig(decay="linear")
    config = Config(schedule=ScheduleConfig(iterations=8, step_size=4), short_training=linear)
    factors = [learning_rate_factor(config, 0.5, iteration) for iteration in range(8)]
    assert factors == [1, 1, 1, 1, 1, 0.75, 0.5, 0.25]
    never = Config(schedule=ScheduleConfig(iterations=8, step_size=8), short_training=linear)
    assert {learning_rate_factor(never, 0.5, iteration) for iteration in range(8)} == {1}


def test_terms_that_begin_after_the_training_are_told() -> None:
    """A teacher was trained for hours, and neither it nor any code had a part in the training."""
    short = describe_unused_terms(Config(schedule=ScheduleConfig(iterations=20_000)))
    for name in ("appearance_code", "structure_code", "cycle", "soft_label", "fine_grained", "20000 iterations"):
        assert name in short
    assert "loss.code_ramp_begin is 30000" in short and "swap_begin" not in short
    assert not describe_unused_terms(Config(schedule=ScheduleConfig(iterations=30_002)))
    early = LossConfig(code_ramp_begin=0, teacher_factor=0)
    assert not describe_unused_terms(Config(schedule=ScheduleConfig(iterations=9), loss=early))
    late = ShortTrainingConfig(swap_begin=9)
    assert "adversarial" in describe_unused_terms(Config(schedule=ScheduleConfig(iterations=9), short_training=late))


@pytest.mark.parametrize("path", sorted(ROOT.glob("configs/*.yaml")), ids=lambda path: path.stem)
def test_no_recipe_has_an_unused_term(path: Path) -> None:
    if not path.stem.startswith("ab_"):
        assert not describe_unused_terms(load_config(path))
