"""Which optimiser a name means, and what it is given."""

from typing import get_args

import pytest
import torch
from torch import nn

from reid_heads.build import build_objective, build_optimisers
from reid_heads.optimisers import OptimiserName, build_optimiser
from reid_heads.registry import build_head
from tests.reid_heads.small_data import small_config

KINDS = {
    "ADAM": torch.optim.Adam,
    "SGD": torch.optim.SGD,
    "NADAM": torch.optim.NAdam,
    "RMSprop": torch.optim.RMSprop,
}


@pytest.mark.parametrize("name", get_args(OptimiserName))
def test_every_name(name: OptimiserName) -> None:
    layer = nn.Linear(2, 2)
    layer.bias.requires_grad_(False)
    optimiser = build_optimiser(
        name, layer.parameters(), learning_rate=0.1, weight_decay=0.2, momentum=0.3, amsgrad=True
    )
    assert type(optimiser) is KINDS[name]
    (group,) = optimiser.param_groups
    assert group["params"] == [layer.weight] and (group["lr"], group["weight_decay"]) == (0.1, 0.2)
    assert group.get("amsgrad", None) == (True if name == "ADAM" else None)
    if name in ("SGD", "RMSprop"):
        assert group["momentum"] == 0.3
    before = layer.weight.detach().clone()
    layer(torch.ones(1, 2)).sum().backward()
    optimiser.step()
    assert not torch.equal(before, layer.weight)


def test_centres_have_a_rate_of_their_own() -> None:
    config = small_config(loss__terms="CrossEntropy+0.0005*CenterLoss", optimiser__centre_rate=0.25)
    head = build_head("resnet18", 3)
    objective = build_objective(config, head)
    optimisers = build_optimisers(config, head, objective)
    (group,) = optimisers["centres"].param_groups
    assert group["lr"] == 0.25 and [id(one) for one in group["params"]] == [id(one) for one in objective.parameters()]
    assert list(build_optimisers(small_config(), head, build_objective(small_config(), head))) == ["head"]
