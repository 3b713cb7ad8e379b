"""The sharpness loss."""

import math

import pytest
import torch
import torch.nn.functional as F

from dgnet.losses.sharpness import sharpness_loss


def real() -> torch.Tensor:
    return torch.randn(4, 3, 16, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_it_is_the_squared_logarithm_of_the_ratio_of_energies() -> None:
    weaker = torch.cat([0.5 * real()[:2], 2 * real()[2:]])
    expected = torch.tensor([math.log(0.25) ** 2, math.log(4) ** 2], dtype=torch.float64)
    torch.testing.assert_close(sharpness_loss(weaker, real()), expected, rtol=1e-3, atol=0)


def test_blurred_and_noisy_images_lose_and_a_flat_one_has_a_finite_loss() -> None:
    blurred = F.avg_pool2d(real(), 3, 1, 1)
    noisy = real() + torch.randn(4, 3, 16, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    assert sharpness_loss(blurred, real()).min() > 1 and sharpness_loss(noisy, real()).min() > 0.2
    assert sharpness_loss(torch.ones_like(real()), real()).isfinite().all()


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_its_gradient_leads_to_the_energy_of_real_images(factor: float) -> None:
    images = (factor * real()).requires_grad_()
    target = real().requires_grad_()
    sharpness_loss(images, target).sum().backward()
    assert images.grad is not None and target.grad is None
    nearer = images.detach() - 0.1 * images.grad
    assert sharpness_loss(nearer, real()).sum() < sharpness_loss(images.detach(), real()).sum()
