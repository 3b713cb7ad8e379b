"""Between two logged figures the step of a re-ID model waits for no device."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from dgnet.core.device import Precision
from dgnet.core.distributed import Distributed
from dgnet.data.records import Dataset
from dgnet.models.registry import build_model
from dgnet.models.reid_model import ReIDOutput
from reid_heads.generated.label_policies import labeled
from reid_heads.generated.sources import open_generated
from reid_heads.losses.objective import Objective
from reid_heads.training.components import build_objective, build_optimizers, reid_source
from reid_heads.training.loss_computer import LossComputer
from tests.dgnet.small_training import narrow_trunks
from tests.host_waits import device_of_waits, waits_of
from tests.reid_heads.small_data import generated_folder, small_config


@pytest.fixture(params=["meta", pytest.param("cuda", marks=pytest.mark.gpu)])
def distributed(request: pytest.FixtureRequest) -> Iterator[Distributed]:
    with device_of_waits(request.param) as device:
        yield Distributed(0, 0, 1, device)


@pytest.mark.slow
def test_a_step_with_generated_images_waits_for_nothing(
    distributed: Distributed, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow_trunks(monkeypatch)
    device = distributed.device
    config = small_config(
        loss__terms="1*CrossEntropy+1*Triplet+0.005*CenterLoss",
        generated__source=generated_folder(tmp_path / "made", dataset),
        generated__in_metric=True,
    )
    source = reid_source(config, dataset, open_generated(config.generated, dataset), distributed)
    model = build_model(config.model.name, len(dataset.identities)).to(device).train()
    objective = build_objective(config, model).to(device)
    precision = Precision("fp32", device)
    losses = LossComputer(config, model, objective, source, precision)
    optimizers = build_optimizers(config, model, objective).values()

    def step(iteration: int) -> None:
        batch = source.batch(iteration)
        if device.type == "cuda":
            batch = batch.pin_memory()
        precision.backward(losses(batch.to(device), iteration).losses.total())
        precision.step(*optimizers)

    step(0)
    assert waits_of(lambda: step(1), device) == []


def test_no_image_of_the_metric_losses_is_asked_for_on_the_device(distributed: Distributed) -> None:
    model = build_model("resnet18", 4)
    objective = Objective(model, "1*Triplet").to(distributed.device)
    feature = torch.zeros(4, model.channels, device=distributed.device)
    output = ReIDOutput(feature, (feature,), (feature,), feature)
    labels = torch.zeros(4, dtype=torch.int64, device=distributed.device)
    every, some = torch.ones(4, dtype=torch.bool), torch.tensor([True, False, True, True])
    assert waits_of(lambda: objective(output, labels, distributions=feature, in_metric=every), distributed.device) == []
    assert waits_of(lambda: objective(output, labels, distributions=feature, in_metric=some), distributed.device) == []
    assert waits_of(lambda: objective(output, labels, distributions=feature), distributed.device), "it has to ask"


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("appearance", [True, False]),
        ("soft", [True, False]),
        ("fine_grained", [False, True]),
        ("hard", [True, True]),
        ("lsro", [False, False]),
        ("unlabeled", [False, False]),
    ],
)
def test_which_generated_images_have_an_identity(policy, expected):
    assert labeled(policy, torch.tensor([3, -1]), torch.tensor([-1, 5])).tolist() == expected
