"""What swaps by parts would be if the colors, or all that is drawn at the masks' size, were right."""

from typing import Any

import pytest
import torch

from dgnet.core import pixels
from dgnet.generation.part_limits import at_mask_size, nearest_colors, with_best_colors
from dgnet.models.build import build_generator
from dgnet.models.generator import Generator
from tests.dgnet.small_training import narrow_trunks, quick_config

PARTS = 3


def generator(monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Generator:
    narrow_trunks(monkeypatch)
    torch.manual_seed(0)
    return build_generator(quick_config(settings), 4).eval()


@pytest.fixture
def by_parts(monkeypatch: pytest.MonkeyPatch) -> Generator:
    return generator(monkeypatch, **{"decoder.kind": "parts", "decoder.parts": PARTS, "structure.input": "contour"})


def images(seed: int) -> torch.Tensor:
    return torch.randint(0, 256, (2, 3, 64, 48), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


def test_colors_are_found_that_draw_the_same(by_parts: Generator) -> None:
    decoder = by_parts.decoder.double()
    code = decoder.split(by_parts.double().encode_structure(pixels.normalize(images(0)).double()))
    colors = torch.randn(2, PARTS, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    drawn = decoder.fill(code, colors)
    found = decoder.fill(code, nearest_colors(decoder, code, drawn[:, :3]))
    torch.testing.assert_close(found, drawn, rtol=0, atol=0.01)


def test_no_colors_come_nearer_to_the_truth(by_parts: Generator) -> None:
    structures, truths = images(0), images(1)
    code = by_parts.decoder.split(by_parts.encode_structure(pixels.normalize(structures)))
    half = torch.nn.functional.avg_pool2d(pixels.normalize(truths), 2)

    def distance(colors: torch.Tensor) -> float:
        return float((by_parts.decoder.fill(code, colors)[:, :3] - half).square().sum().detach())

    best = nearest_colors(by_parts.decoder, code, half)
    for change in torch.randn(20, *best.shape, generator=torch.Generator().manual_seed(4)):
        assert distance(best) < distance(best + 0.1 * change)
    drawn = with_best_colors(by_parts, structures, truths)
    assert drawn.shape == truths.shape and drawn.dtype == torch.uint8 and not torch.equal(drawn, truths)


def test_true_images_without_detail_come_back_as_they_are(by_parts: Generator) -> None:
    plain = torch.tensor([[200, 30, 90], [10, 120, 60]], dtype=torch.uint8)[:, :, None, None].expand(2, 3, 64, 48)
    assert torch.equal(at_mask_size(by_parts, images(0), plain), plain)


def test_the_detail_is_that_of_the_structure_image(by_parts: Generator) -> None:
    # Gray detail on colored cells, and the true swap is the structure image itself: bilinear upsampling loses more.
    cells = torch.nn.functional.interpolate(
        torch.randn(2, 3, 8, 6, generator=torch.Generator().manual_seed(5)), scale_factor=8
    )
    detail = torch.randn(2, 1, 64, 48, generator=torch.Generator().manual_seed(6)).cumsum(3) / 4
    image = pixels.to_uint8((cells + detail) / 3)
    blurred = torch.nn.functional.interpolate(
        torch.nn.functional.avg_pool2d(image.float(), 2), scale_factor=2, mode="bilinear"
    )
    upsampled = at_mask_size(by_parts, image, image).float()
    assert (upsampled - image).square().mean() < 0.6 * (blurred - image).square().mean()


def test_only_of_part_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match=r"decoder\.kind=parts"):
        at_mask_size(generator(monkeypatch), images(0), images(1))
