"""A joint training that goes on from its state is, bit for bit, one that was not interrupted; on a GPU where
`run.deterministic` asks for it.
"""

import io
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from dgnet.core.distributed import Distributed
from dgnet.core.numerics import set_numerics
from dgnet.core.random_draws import iteration_seed
from dgnet.data.pairs import PairBatch
from dgnet.models.build import build_teacher
from dgnet.training.joint import JointTask, JointTraining
from dgnet.training.teacher_ensemble import TeacherEnsemble
from tests.dgnet.small_training import HEIGHT, IDENTITIES, WIDTH, narrow_trunks, quick_config
from tests.tools.gan_tool import leaves

pytestmark = pytest.mark.slow
BATCH = 3


@pytest.fixture(autouse=True)
def _small_and_restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    narrow_trunks(monkeypatch)
    yield
    set_numerics(torch.device("cpu"))


PARTS = {"decoder.kind": "parts", "structure.input": "contour", "short_training.hide_structure": 0.5}


def fresh(device: torch.device, changes: dict[str, Any]) -> JointTask:
    run = {"run.deterministic": True, "run.channels_last": True, "run.batch_size": BATCH}
    config = quick_config(run | changes)
    distributed = Distributed.start(str(device))
    torch.manual_seed(0)
    teacher = build_teacher(config.teacher, IDENTITIES).to(distributed.device).eval()
    ensemble = TeacherEnsemble([teacher], config.teacher.label, True, IDENTITIES)
    return JointTask(JointTraining.fresh(config, IDENTITIES, distributed), ensemble, distributed, config)


def step(task: JointTask, iteration: int) -> None:
    random = torch.Generator().manual_seed(iteration)
    images = torch.randint(256, (4, BATCH, 3, HEIGHT, WIDTH), generator=random, dtype=torch.uint8)
    erased = torch.zeros(4, BATCH, 1, HEIGHT, WIDTH, dtype=torch.bool)
    batch = PairBatch(images, erased, torch.randint(IDENTITIES, (2, BATCH), generator=random))
    torch.manual_seed(iteration_seed(0, iteration, rank=0))
    task.step(batch.to(task.distributed.device), iteration)


def through_a_file(state: dict[str, Any], device: torch.device) -> dict[str, Any]:
    file = io.BytesIO()
    torch.save(state, file)
    return torch.load(io.BytesIO(file.getvalue()), map_location=device, weights_only=True)


def differing(one: JointTask, other: JointTask) -> list[str]:
    ours, theirs = (dict(leaves(task.training.state_dict())) for task in (one, other))
    assert list(ours) == list(theirs) and any("exp_avg" in name for name in ours)
    return [
        name
        for name, value in ours.items()
        if not (torch.equal(value, theirs[name]) if isinstance(value, torch.Tensor) else value == theirs[name])
    ]


@pytest.mark.parametrize("changes", [{}, PARTS], ids=["adaptive", "parts"])
def test_it_goes_on_bit_for_bit(device: torch.device, changes: dict[str, Any]) -> None:
    whole, first, second = (fresh(device, changes) for _ in range(3))
    step(whole, 1)
    step(first, 1)
    assert differing(whole, first) == [], "the same iteration twice"
    second.load_state_dict(through_a_file(first.training.state_dict(), device))
    step(whole, 2)
    step(second, 2)
    assert differing(whole, second) == []
    step(second, 3)
    assert differing(whole, second) != [], "the comparison sees another iteration"
