"""Augmentation against the obvious version, and the distribution that random erasing draws from."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from dgnet.data.transforms import Border, crop_padded, draw_erasing, mirror, rectangle_mask


def noise(batch: int, height: int, width: int) -> torch.Tensor:
    return torch.randint(
        0, 256, (batch, 3, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(3)
    )


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_mirror(memory_format: torch.memory_format) -> None:
    images = noise(4, 6, 5).contiguous(memory_format=memory_format)
    before = images.clone()
    flipped = mirror(images, torch.tensor([True, False, False, True]))
    assert torch.equal(images, before)
    assert torch.equal(flipped[[0, 3]], images[[0, 3]].flip(-1)) and torch.equal(flipped[1:3], images[1:3])


@pytest.mark.parametrize("border", ["edge", "black"])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_crop_equals_padding_and_cutting_at_every_place(memory_format: torch.memory_format, border: Border) -> None:
    pad, height, width = 3, 7, 5
    places = torch.cartesian_prod(torch.arange(2 * pad + 1), torch.arange(2 * pad + 1))
    images = noise(len(places), height, width).contiguous(memory_format=memory_format)
    mode = "replicate" if border == "edge" else "constant"
    padded = F.pad(images.float(), (pad,) * 4, mode=mode).to(torch.uint8)
    cropped = crop_padded(images, places[:, 0], places[:, 1], pad, border)
    for image, (top, left) in enumerate(places.tolist()):
        assert torch.equal(cropped[image], padded[image, :, top : top + height, left : left + width])


def test_erasing_draws_the_shapes_of_the_official_code() -> None:
    height, width, images = 256, 128, 20000
    rectangles = draw_erasing(np.random.default_rng(0), images, height, width, probability=0.5)
    erased = rectangles[rectangles[:, 2] > 0]
    assert abs(len(erased) / images - 0.5) < 0.015
    top, left, tall, wide = erased.T
    assert (top >= 0).all() and (left >= 0).all() and (top + tall <= height).all() and (left + wide <= width).all()
    assert (tall < height).all() and (wide < width).all()
    share, aspect = tall * wide / (height * width), tall / wide
    assert share.min() >= 0.019 and share.max() <= 0.41 and aspect.min() >= 0.28 and aspect.max() <= 3.5
    # The obvious version: one image after the other, attempt after attempt.
    random = np.random.default_rng(1)
    slow = []
    while len(slow) < 5000:
        area, ratio = random.uniform(0.02, 0.4) * height * width, random.uniform(0.3, 1 / 0.3)
        h, w = round((area * ratio) ** 0.5), round((area / ratio) ** 0.5)
        if w < width and h < height:
            slow.append((random.integers(0, height - h + 1), random.integers(0, width - w + 1), h, w))
    for ours, theirs in zip(erased.T, np.array(slow).T, strict=True):
        assert np.abs(np.quantile(ours, [0.1, 0.5, 0.9]) - np.quantile(theirs, [0.1, 0.5, 0.9])).max() < 6


def test_erasing_never_and_always() -> None:
    assert not draw_erasing(np.random.default_rng(0), 50, 32, 16, probability=0.0).any()
    assert (draw_erasing(np.random.default_rng(0), 50, 32, 16, probability=1.0)[:, 2:] > 0).all()


def test_mask_covers_the_rectangle_and_nothing_else() -> None:
    mask = rectangle_mask(np.array([[1, 2, 3, 2], [0, 0, 0, 0]]), 6, 5)
    expected = torch.zeros(2, 1, 6, 5, dtype=torch.bool)
    for row in (1, 2, 3):
        for column in (2, 3):
            expected[0, 0, row, column] = True
    assert torch.equal(mask, expected)
