"""Guided upsampling."""

import pytest
import torch
import torch.nn.functional as F

from dgnet.layers import guided


def scene(seed: int = 0) -> torch.Tensor:
    """A gray image of flat areas with sharp borders, `[1, 1, 32, 16]`."""
    cells = torch.randn(1, 1, 8, 4, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return F.pad(cells.repeat_interleave(4, 2).repeat_interleave(4, 3), (1, 0, 1, 0), mode="replicate")[..., :-1, :-1]


def upsampled(images: torch.Tensor, gray: torch.Tensor) -> torch.Tensor:
    return guided.upsampled(images) + guided.guided_detail(images, F.avg_pool2d(gray, 2), gray)


@pytest.mark.parametrize("slope", [2.0, -1.0])
def test_colors_that_follow_the_guide_get_its_edges(slope: float) -> None:
    gray = scene()
    truth = slope * gray + 1
    small = F.avg_pool2d(truth, 2)
    error = (upsampled(small, gray) - truth).square().mean()
    assert error < 0.1 * (guided.upsampled(small) - truth).square().mean()


def test_a_flat_image_stays_flat_beside_any_guide() -> None:
    flat = torch.full((1, 3, 16, 8), 0.7, dtype=torch.float64)
    torch.testing.assert_close(upsampled(flat, scene()), torch.full((1, 3, 32, 16), 0.7, dtype=torch.float64))


def test_slopes_are_those_of_the_regression_in_each_window() -> None:
    generator = torch.Generator().manual_seed(1)
    images, guide = torch.rand(1, 3, 6, 5, generator=generator).double(), torch.rand(1, 1, 6, 5, generator=generator)
    slopes = guided.local_slopes(images, guide.double())
    window, under = images[0, 1, 2:5, 1:4].flatten(), guide[0, 0, 2:5, 1:4].double().flatten()
    covariance = ((window - window.mean()) * (under - under.mean())).mean()
    expected = covariance / (under.var(correction=0) + guided.EPSILON)
    assert float(slopes[0, 1, 3, 2]) == pytest.approx(float(expected))
