"""Which optimizer a name means, and what it is given."""

from typing import get_args

import pytest
import torch
from torch import nn

from dgnet.models.registry import build_model
from reid_heads.training.components import build_objective, build_optimizers
from reid_heads.training.optimizers import OptimizerName, build_optimizer
from tests.reid_heads.small_data import small_config

KINDS = {
    "ADAM": torch.optim.Adam,
    "SGD": torch.optim.SGD,
    "NADAM": torch.optim.NAdam,
    "RMSprop": torch.optim.RMSprop,
}


@pytest.mark.parametrize("name", get_args(OptimizerName))
def test_every_name(name: OptimizerName) -> None:
    layer = nn.Linear(2, 2)
    layer.bias.requires_grad_(False)
    optimizer = build_optimizer(
        name, layer.parameters(), learning_rate=0.1, weight_decay=0.2, momentum=0.3, amsgrad=True
    )
    assert type(optimizer) is KINDS[name]
    (group,) = optimizer.param_groups
    assert group["params"] == [layer.weight] and (group["lr"], group["weight_decay"]) == (0.1, 0.2)
    assert group.get("amsgrad", None) == (True if name == "ADAM" else None)
    if name in ("SGD", "RMSprop"):
        assert group["momentum"] == 0.3
    before = layer.weight.detach().clone()
    layer(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    assert not torch.equal(before, layer.weight)


def test_centers_have_a_rate_of_their_own() -> None:
    config = small_config(loss__terms="CrossEntropy+0.0005*CenterLoss", optimizer__center_rate=0.25)
    head = build_model("resnet18", 3)
    objective = build_objective(config, head)
    optimizers = build_optimizers(config, head, objective)
    (group,) = optimizers["centers"].param_groups
    assert group["lr"] == 0.25 and [id(one) for one in group["params"]] == [id(one) for one in objective.parameters()]
    assert list(build_optimizers(small_config(), head, build_objective(small_config(), head))) == ["head"]
