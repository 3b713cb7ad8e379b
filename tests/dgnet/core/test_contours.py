"""Contours: a structure image without the strength and the sign of edges."""

import math

import pytest
import torch

from dgnet.core import pixels
from dgnet.models.build import build_generator
from tests.dgnet.small_training import narrow_trunks, quick_config


def step_image(angle: float, colors: tuple[float, float, float]) -> torch.Tensor:
    """A straight soft edge through the middle, from black to `colors`, its gradient at `angle` to the horizontal."""
    rows, columns = torch.meshgrid(torch.arange(17.0) - 8, torch.arange(17.0) - 8, indexing="ij")
    ramp = torch.sigmoid((rows * math.sin(angle) + columns * math.cos(angle)) / 2).double()
    return torch.tensor(colors, dtype=torch.float64).view(1, 3, 1, 1) * ramp


@pytest.mark.parametrize("angle", [0.0, 0.5, math.pi / 2, 2.5])
def test_an_edge_shows_its_magnitude_and_twice_its_angle(angle: float) -> None:
    middle = pixels.contours(step_image(angle, (2.0, 0.0, 0.0)))[0, :, 8, 8]
    magnitude = 2.0 / 8  # height over four times the width of the ramp
    weak, strong = (magnitude / (magnitude + contrast) for contrast in pixels.CONTOUR_CONTRASTS)
    expected = [weak, strong, weak * math.cos(2 * angle), weak * math.sin(2 * angle)]
    torch.testing.assert_close(middle, torch.tensor(expected, dtype=torch.float64), atol=0.03, rtol=0)


def test_which_side_is_the_brighter_does_not_show() -> None:
    image = step_image(0.7, (1.0, -0.5, 2.0))
    torch.testing.assert_close(pixels.contours(image), pixels.contours(-image))


def test_the_strength_of_an_edge_hardly_shows_and_an_edge_of_equal_brightness_does() -> None:
    def response(*colors: float) -> float:
        return float(pixels.contours(step_image(0, colors))[0, 0, 8, 8])

    assert response(3, 3, 3) < 1.4 * response(1, 1, 1)  # three times the contrast
    assert response(1, -1, 0) > 0.5  # gray is the same on both sides


def test_a_generator_takes_contours(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_trunks(monkeypatch)
    generator = build_generator(quick_config({"structure.input": "contour"}), 4).eval()
    images = torch.randn(2, 3, 64, 48, requires_grad=True)
    code = generator.encode_structure(images)
    assert torch.equal(code, generator.structure(pixels.contours(images)))
    code.square().sum().backward()
    assert images.grad is not None and images.grad.isfinite().all() and images.grad.abs().max() > 0
