"""The optimizer of matrices."""

import pytest
import torch
from torch import nn

from dgnet.models.build import build_discriminator, build_generator
from dgnet.training.muon import Muon, orthogonalized
from dgnet.training.optimizers import Optimizers
from tests.dgnet.small_training import quick_config

MATRIX, STACK, CONVOLUTION = (6, 10), (3, 10, 6), (8, 4, 3, 3)


@pytest.mark.parametrize("shape", [MATRIX, STACK, (4, 4)])
def test_singular_values_come_near_one_and_singular_vectors_stay(shape: tuple[int, ...]) -> None:
    torch.manual_seed(1)
    matrices = 1e-3 * torch.randn(shape, dtype=torch.float64)
    u, s, v = torch.linalg.svd(matrices, full_matrices=False)
    assert (s.amin(-1) / s.norm(dim=-1)).min() > 0.01, "a matrix that the iterations are not made for"
    found = orthogonalized(matrices)
    values = (u.mT @ found @ v.mT).diagonal(dim1=-2, dim2=-1)
    assert values.min() > 0.65 and values.max() < 1.25
    torch.testing.assert_close(u @ torch.diag_embed(values) @ v, found)


def test_half_precision_is_near_enough_and_the_step_is_in_the_weights_own() -> None:
    torch.manual_seed(1)
    matrices = torch.randn(STACK)
    found, reduced = orthogonalized(matrices), orthogonalized(matrices, torch.bfloat16)
    values = torch.linalg.svdvals(reduced)
    assert reduced.dtype == torch.float32 and values.min() > 0.65 and values.max() < 1.25
    assert 1e-5 < (reduced - found).norm() / found.norm() < 0.05
    taken, weight = [], nn.Parameter(matrices.clone())
    for dtype in (None, torch.bfloat16):
        weight.grad, weight.data = matrices.clone(), torch.zeros_like(matrices)
        Muon([weight], 1.0, dtype=dtype).step()
        taken.append(weight.detach().clone())
    assert not torch.equal(*taken), "the steps were taken in one precision"


def test_a_step_is_momentum_orthogonalized_scaled_by_the_shape() -> None:
    torch.manual_seed(2)
    weights = [nn.Parameter(torch.randn(shape)) for shape in (MATRIX, STACK, CONVOLUTION, MATRIX)]
    unused = nn.Parameter(torch.randn(MATRIX))
    before, optimizer = [weight.detach().clone() for weight in weights], Muon([*weights, unused], 0.1)
    kept = unused.detach().clone()
    momenta = [torch.zeros_like(weight) for weight in weights]
    for _ in range(2):
        for index, weight in enumerate(weights):
            weight.grad = torch.randn_like(weight)
            momenta[index] = 0.95 * momenta[index] + 0.05 * weight.grad
            ahead = 0.05 * weight.grad + 0.95 * momenta[index]
            step = orthogonalized(ahead.reshape(8, 36) if index == 2 else ahead).reshape(weight.shape)
            before[index] -= 0.1 * (10 / 6 if index == 1 else 1) ** 0.5 * step
        optimizer.step()
    for weight, expected in zip(weights, before, strict=True):
        torch.testing.assert_close(weight.detach(), expected)
    assert torch.equal(unused, kept)


def test_it_goes_on_from_its_state() -> None:
    def stepped(again: bool) -> nn.Parameter:
        torch.manual_seed(3)
        weight = nn.Parameter(torch.randn(MATRIX))
        optimizer = Muon([weight], 0.1)
        for _ in range(4):
            weight.grad = torch.randn_like(weight)
            optimizer.step()
            if again:
                state, optimizer = optimizer.state_dict(), Muon([weight], 0.7)
                optimizer.load_state_dict(state)
        return weight

    assert torch.equal(stepped(again=True), stepped(again=False))


def test_muon_trains_the_matrices_and_adam_the_rest() -> None:
    config = quick_config({"short_training.muon_rate": 0.02})
    optimizers = Optimizers(build_generator(config, 3), build_discriminator(config), config)
    (muon,) = [one for one in optimizers.of_generator if isinstance(one, Muon)]
    assert {parameter.ndim for parameter in muon.param_groups[0]["params"]} == {3, 4}
    by_adam = {parameter.ndim for group in optimizers.generator.param_groups for parameter in group["params"]}
    assert not by_adam & {3, 4}
