"""The estimate of a training's time: an iteration of each kind, warmed up, as often as the schedule has it."""

import pytest

from dgnet.config import parse_config, resolved
from dgnet.core import convolution_rate as rate_module
from dgnet.core.convolution_rate import convolution_rate
from dgnet.core.distributed import Distributed
from dgnet.training import estimate
from dgnet.training.joint import JointTask
from dgnet.training.teacher import TeacherTask, teacher_iterations
from tests.dgnet.small_generator import small_config


class Clock:
    """A clock that only steps move."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture()
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    result = Clock()
    monkeypatch.setattr(estimate, "time", result)
    return result


def config(**changes):
    values = resolved(small_config())
    for section, entries in changes.items():
        values[section] |= entries
    return parse_config(values, "estimate")


def test_each_kind_of_iteration_is_tried_and_counted(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def step(_, batch, iteration: int) -> None:
        # Building kernels is slow the first time; iterations with swaps cost three times as much, a teacher four times.
        clock.now += (1.0 if iteration < 60 else 3.0 if iteration <= 100 else 4.0) + (0 if iteration in tried else 50)
        tried.append(iteration)
        assert batch.images.shape == (4, 2, 3, 64, 48)

    monkeypatch.setattr(JointTask, "step", step)
    settings = config(
        schedule={"iterations": 120},
        run={"batch_size": 2},
        teacher={"backbone": "resnet18"},
        short_training={"swap_begin": 60},
        loss={"code_ramp_begin": 0, "teacher_ramp_begin": 100, "structure_code": 0, "cycle": 0},
    )
    assert estimate.joint_seconds(settings, 3, Distributed.start("cpu")) == 60 * 1 + 41 * 3 + 19 * 4
    assert tried == [59] * 4 + [100] * 4 + [119] * 4


def test_the_teacher_is_tried(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    def step(*_) -> None:
        clock.now += 0.5

    monkeypatch.setattr(TeacherTask, "step", step)
    settings = config(teacher={"backbone": "resnet18", "epochs": 3, "batch_size": 8})
    distributed = Distributed.start("cpu")
    assert teacher_iterations(settings.teacher, 30, distributed) == 12  # 90 images in batches of 8
    assert estimate.teacher_seconds(settings, 4, 30, distributed) == pytest.approx(6)


def test_a_real_iteration_takes_time(narrow: None) -> None:
    settings = config(
        schedule={"iterations": 1},
        run={"batch_size": 2},
        teacher={"backbone": "resnet18"},
        discriminator={"channels": 2, "residual_blocks": 0},
    )
    assert estimate.joint_seconds(settings, 3, Distributed.start("cpu")) > 0


def test_the_rate_counts_a_multiplication_and_an_addition_of_each_tap(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ticks:
        now = 0.0

        def perf_counter(self) -> float:
            self.now += 0.25
            return self.now

    monkeypatch.setattr(rate_module, "time", Ticks())
    images, pixels, weights = 16, 48 * 24, 64 * 64 * 3 * 3
    expected = 2 * images * pixels * weights / 0.25 / 1e9
    assert convolution_rate("fp32", Distributed.start("cpu").device, seconds=0.1) == pytest.approx(expected)
