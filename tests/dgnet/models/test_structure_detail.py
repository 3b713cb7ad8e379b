"""The fine detail of the structure image as part of the structure code."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from dgnet.core import pixels
from dgnet.models.build import build_generator
from dgnet.models.decoder import DETAIL_CHANNELS
from tests.dgnet.small_training import narrow_trunks, quick_config, random_batch, small_training


def test_detail_is_the_gray_image_less_four_box_blurs() -> None:
    images = torch.randn(2, 3, 64, 48, dtype=torch.float64)
    for image, detail in zip(images.mean(dim=1).numpy(), pixels.detail(images), strict=True):
        smooth = image
        for _ in range(4):
            smooth = ndimage.uniform_filter(smooth, 3, mode="nearest")
        np.testing.assert_allclose(detail[0].numpy(), image - smooth, atol=1e-12)


def test_areas_of_one_brightness_have_none() -> None:
    bright = torch.full((1, 3, 64, 48), 0.7)
    torch.testing.assert_close(pixels.detail(bright), torch.zeros(1, 1, 64, 48))


def test_the_decoder_adds_the_detail_to_its_image(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_trunks(monkeypatch)
    torch.manual_seed(0)
    generator = build_generator(quick_config({"short_training.detail": True}), 4).eval()
    images = torch.randn(2, 3, 64, 48)
    code, appearance = generator.encode_structure(images), generator.encode_appearance(images)
    flat = code.clone()
    flat[:, -DETAIL_CHANNELS:] = 0
    difference = generator.decoder(code, appearance) - generator.decoder(flat, appearance)
    torch.testing.assert_close(difference, pixels.detail(images).expand(-1, 3, -1, -1), atol=1e-5, rtol=1e-4)


@pytest.mark.slow
def test_training_uses_the_detail_of_the_real_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_trunks(monkeypatch)
    batch = random_batch()
    training = small_training(quick_config({"short_training.detail": True, "short_training.mix_colors": True}))
    seen: list[tuple[torch.Tensor, ...]] = []
    training.generator.structure.register_forward_pre_hook(lambda _, inputs: seen.append(inputs))
    training(batch)
    assert torch.equal(seen[0][2], pixels.detail(batch.real[:2].flatten(0, 1)))
