"""The two distances of a reconstructed image."""

import pytest
import torch

from dgnet.losses.reconstruction import ReconstructionNorm, reconstruction_loss


@pytest.mark.parametrize(("norm", "expected"), [("l1", [1.5, 2.0]), ("l2", [2.5, 4.0])])
def test_each_half_has_its_mean_difference(norm: ReconstructionNorm, expected: list[float]) -> None:
    made = torch.tensor([[1.0, -2.0], [2.0, -2.0]], requires_grad=True)
    target = torch.zeros(2, 2, requires_grad=True)
    loss = reconstruction_loss(made, target, norm)
    assert loss.tolist() == expected
    loss.sum().backward()
    assert made.grad is not None and target.grad is None
    assert made.grad.tolist() == ([[0.5, -0.5], [0.5, -0.5]] if norm == "l1" else [[1.0, -2.0], [2.0, -2.0]])
