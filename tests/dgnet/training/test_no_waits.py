"""Between two logged figures no step waits for its device."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from dgnet.core.device_copies import constant, to_device
from dgnet.core.distributed import Distributed
from dgnet.data.pairs import PairBatch
from dgnet.models.build import build_teacher
from dgnet.training.joint import JointTask, JointTraining
from dgnet.training.teacher import TeacherTask
from dgnet.training.teacher_ensemble import TeacherEnsemble
from tests.dgnet.small_training import HEIGHT, IDENTITIES, WIDTH, narrow_trunks, quick_config
from tests.host_waits import HostWaits, device_of_waits, waits_of

BATCH = 3


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_trunks(monkeypatch)


@pytest.fixture(params=["meta", pytest.param("cuda", marks=pytest.mark.gpu)])
def distributed(request: pytest.FixtureRequest) -> Iterator[Distributed]:
    with device_of_waits(request.param) as device:
        yield Distributed(0, 0, 1, device)


def batch() -> PairBatch:
    """As the data path hands it over, on the CPU."""
    images = torch.zeros(4, BATCH, 3, HEIGHT, WIDTH, dtype=torch.uint8)
    erased = torch.zeros(4, BATCH, 1, HEIGHT, WIDTH, dtype=torch.bool)
    return PairBatch(images, erased, torch.arange(2 * BATCH).view(2, BATCH) % IDENTITIES)


def joint_task(distributed: Distributed, changes: dict[str, Any]) -> JointTask:
    config = quick_config({"data.erasing": 0.5, "run.batch_size": BATCH} | changes)
    teacher = build_teacher(config.teacher, IDENTITIES).to(distributed.device).eval()
    ensemble = TeacherEnsemble([teacher], config.teacher.label, True, IDENTITIES)
    return JointTask(JointTraining.fresh(config, IDENTITIES, distributed), ensemble, distributed, config)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"run.channels_last": True},
        {
            "short_training.mix_colors": True,
            "short_training.background": True,
            "short_training.muon_rate": 0.01,
            "structure.input": "edge",
            "teacher.label": "soft_between",
            "discriminator.kind": "nsgan",
        },
        {"decoder.kind": "parts", "structure.input": "contour", "short_training.hide_structure": 0.5},
    ],
    ids=["paper", "options", "parts"],
)
def test_the_joint_step_waits_for_nothing(distributed: Distributed, changes: dict[str, Any]) -> None:
    task, images = joint_task(distributed, changes), batch().to(distributed.device)
    task.step(images, 5)  # constants and the optimizers' state
    assert waits_of(lambda: task.step(images, 6), distributed.device) == []


def test_a_teachers_step_waits_for_nothing(distributed: Distributed) -> None:
    config = quick_config({"teacher.batch_size": 4 * BATCH})
    teacher = build_teacher(config.teacher, IDENTITIES).to(distributed.device)
    task, images = TeacherTask(teacher, config, 9, distributed), batch().to(distributed.device)
    task.step(images, 0)
    assert waits_of(lambda: task.step(images, 1), distributed.device) == []


@pytest.mark.parametrize(
    "ask",
    [
        lambda x: x.sum().item(),
        lambda x: bool(x.any()),
        lambda x: x[x > 0],
        lambda x: x.nonzero(),
        lambda x: x.cpu(),
        lambda x: x.tolist(),
        lambda x: x + torch.tensor([1.0, 2.0], device=x.device),
        lambda x: torch.ones(2).to(x.device),
    ],
)
def test_the_count_sees_each_way_of_waiting(distributed: Distributed, ask: Any) -> None:
    x = torch.ones(2, device=distributed.device)
    assert waits_of(lambda: ask(x), distributed.device)


def test_a_constant_is_copied_once_and_fits_every_graph() -> None:
    x = torch.ones(2, dtype=torch.float64)
    with torch.inference_mode():
        first = constant((3.5, 4.5), x)
    assert constant((3.5, 4.5), x) is first and first.dtype == torch.float64
    weight = torch.ones(2, dtype=torch.float64, requires_grad=True)
    (weight * constant((3.5, 4.5), x)).sum().backward()
    assert weight.grad.tolist() == [3.5, 4.5]
    assert to_device(first, torch.device("cpu")) is first


def test_kernels_are_counted() -> None:
    with HostWaits() as counter:
        (torch.ones(2, device="meta") + 1).view(1, 2)
    assert counter.kernels == 2
