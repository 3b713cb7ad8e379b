"""Random mixes of color channels: what the structure encoder may see in training."""

import pytest
import torch

from dgnet.core import pixels
from tests.dgnet.small_training import narrow_trunks, quick_config, random_batch, small_training


def test_a_mix_of_colors_keeps_shapes_and_hides_brightness() -> None:
    torch.manual_seed(0)
    images = torch.zeros(200, 3, 8, 8, dtype=torch.float64)
    images[:, :, :4] = torch.tensor([1.0, 0.5, -0.5], dtype=torch.float64).view(3, 1, 1)
    mixed = pixels.mix_colors(images)
    assert mixed.shape == images.shape and torch.equal(mixed[:, 0], mixed[:, 2])
    upper, lower = mixed[:, 0, :4].flatten(1), mixed[:, 0, 4:].flatten(1)
    for region in (upper, lower):
        assert torch.equal(region.amin(1), region.amax(1)) and region.abs().max() <= 1
    # Which of the two is the brighter, and by how much, is chance.
    step = upper[:, 0] - lower[:, 0]
    assert 0.4 < (step > 0).double().mean() < 0.6 and step.unique().numel() == 200
    assert step.abs().min() < 0.02 and step.abs().max() > 1


@pytest.mark.slow
def test_only_the_structure_encoder_in_training_sees_the_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_trunks(monkeypatch)
    batch = random_batch()
    seen: dict[bool, list[torch.Tensor]] = {True: [], False: []}
    for mixing, inputs in seen.items():
        training = small_training(quick_config({"short_training.mix_colors": mixing, "short_training.swap_begin": 6}))
        training.generator.structure.register_forward_pre_hook(
            lambda _, args, kept=inputs: kept.append(args[0].detach())
        )
        record = training(batch)
        assert record.generator["identity"].isfinite().all()
        training.generator.eval()(batch.real[0], batch.real[1])
    (mixed, when_used), (plain, also_used) = seen[True], seen[False]
    assert torch.equal(plain, pixels.gray(batch.real[:2].flatten(0, 1)))
    assert not torch.allclose(mixed, plain) and mixed.shape == plain.shape
    assert torch.equal(when_used, also_used) and torch.equal(when_used, pixels.gray(batch.real[1]))
