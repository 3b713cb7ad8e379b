"""The colors of the background as part of the structure code."""

import pytest
import torch

from dgnet.core import pixels
from dgnet.models.structure import StructureEncoder
from tests.dgnet.small_training import narrow_trunks, quick_config, random_batch, small_training


def test_the_background_is_the_margins_blended_across_row_by_row() -> None:
    images = torch.randn(2, 3, 64, 48, dtype=torch.float64)
    background = pixels.background(images)
    assert background.shape == (2, 3, 16, 12)
    for row in range(16):
        rows = images[:, :, 4 * row : 4 * row + 4]
        left, right = rows[..., :6].mean(dim=(2, 3)), rows[..., -6:].mean(dim=(2, 3))
        for column in range(12):
            torch.testing.assert_close(background[:, :, row, column], left + (right - left) * column / 11)


def test_what_stands_in_the_middle_is_not_seen() -> None:
    images = torch.randn(2, 3, 64, 48)
    dressed = images.clone()
    dressed[..., 6:-6] = torch.randn(2, 3, 64, 36)
    assert torch.equal(pixels.background(images), pixels.background(dressed))


def test_the_structure_code_tells_the_scene() -> None:
    torch.manual_seed(0)
    blind, aware = StructureEncoder(2, 1), StructureEncoder(2, 1, background=True)
    shapes = torch.randn(2, 1, 64, 48)
    night, day = torch.full((2, 3, 16, 12), -1.0), torch.ones(2, 3, 16, 12)
    assert blind.background is None
    code = aware(shapes, day)
    assert code.shape == blind(shapes).shape and not torch.allclose(code, aware(shapes, night))
    assert aware.background is not None
    torch.testing.assert_close(code - aware.background(day), aware(shapes, night) - aware.background(night))


@pytest.mark.slow
def test_training_and_swaps_use_the_background_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_trunks(monkeypatch)
    batch = random_batch()
    training = small_training(quick_config({"short_training.background": True, "short_training.mix_colors": True}))
    seen: list[tuple[torch.Tensor, ...]] = []
    training.generator.structure.register_forward_pre_hook(lambda _, inputs: seen.append(inputs))
    network = training.generator.structure.background
    assert network is not None
    before = network.weight.detach().clone()
    training(batch)
    assert not torch.equal(network.weight, before)
    # Of real images without the mix of colors; of swapped ones too.
    assert torch.equal(seen[0][1], pixels.background(batch.real[:2].flatten(0, 1)))
    assert len(seen) == 2 and seen[1][1].shape == seen[0][1].shape
    training.generator.eval()(batch.real[0], batch.real[1])
    assert torch.equal(seen[2][1], pixels.background(batch.real[1]))
