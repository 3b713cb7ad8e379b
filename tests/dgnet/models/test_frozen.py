"""Frozen passes change nothing of a module, and give what it gives."""

import copy

import pytest
import torch
from torch import nn

from dgnet.models.frozen import evaluating, frozen
from tests.host_waits import HostWaits


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Dropout(0.5), nn.BatchNorm2d(3))


@pytest.mark.parametrize("batch_statistics", [False, True])
def test_a_frozen_pass_in_evaluation_is_that_of_a_copy(batch_statistics: bool) -> None:
    """With batch statistics the copy is one in training mode but for its dropout."""
    module, x = network(), torch.randn(4, 2, 6, 6)
    expected = copy.deepcopy(module).eval()
    for layer in expected.modules():
        layer.training = batch_statistics and isinstance(layer, nn.BatchNorm2d)
    before = copy.deepcopy(module.state_dict())
    with evaluating(module, batch_statistics):
        y = frozen(module)(x.requires_grad_())
    assert torch.equal(y, expected(x))
    y.sum().backward()
    assert x.grad is not None and all(parameter.grad is None for parameter in module.parameters())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    assert all(layer.training for layer in module.modules())
    assert all(layer.track_running_stats for layer in module.modules() if isinstance(layer, nn.BatchNorm2d))


def test_a_frozen_pass_in_training_mode_changes_no_statistics() -> None:
    module, x = network(), torch.randn(4, 2, 6, 6)
    before = copy.deepcopy(module.state_dict())
    frozen(module)(x)
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    module(x)
    assert not torch.equal(module[1].running_mean, before["1.running_mean"]), "the comparison sees a change"


def test_nothing_is_copied_where_nothing_would_change() -> None:
    module = network().to("meta")
    copies = []
    for context in (evaluating(module, True), evaluating(module)):
        with context, HostWaits() as counter:
            frozen(module)
        copies.append(counter.kernels)
    with HostWaits() as counter:
        frozen(module)
    assert copies == [0, 0] and counter.kernels == 6
