"""Random mixes of colour channels: what the structure encoder may see in training."""

import pytest
import torch

from dgnet import pixels
from tests.dgnet.small_training import narrow_trunks, quick_config, random_batch, small_training


def test_a_mix_of_colours_keeps_shapes_and_hides_brightness() -> None:
    torch.manual_seed(0)
    images = torch.zeros(200, 3, 8, 8, dtype=torch.float64)
    images[:, :, :4] = torch.tensor([1.0, 0.5, -0.5], dtype=torch.float64).view(3, 1, 1)
    mixed = pixels.mix_colours(images)
    assert mixed.shape == images.shape and torch.equal(mixed[:, 0], mixed[:, 2])
    assert torch.equal(mixed[:, :, 4:], images[:, :, 4:])  # what is mean grey stays so
    upper = mixed[:, 0, :4].flatten(1)
    assert torch.equal(upper.amin(1), upper.amax(1))
    # Dark or bright by chance, other for each image, never brighter than the image's own colours allow.
    assert 0.4 < (upper[:, 0] > 0).double().mean() < 0.6 and upper[:, 0].unique().numel() == 200
    assert upper.abs().max() <= images[0, :, 0, 0].norm() / 3**0.5 + 1e-12


def test_only_the_structure_encoder_in_training_sees_the_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_trunks(monkeypatch)
    batch = random_batch()
    seen: dict[bool, list[torch.Tensor]] = {True: [], False: []}
    for mixing, inputs in seen.items():
        training = small_training(quick_config({"structure.mix_colours": mixing, "loss.swap_begin": 6}))
        training.generator.structure.register_forward_pre_hook(
            lambda _, args, kept=inputs: kept.append(args[0].detach())
        )
        record = training(batch)
        assert record.generator["identity"].isfinite().all()
        training.generator.eval().swap(batch.real[0], batch.real[1])
    (mixed, when_used), (plain, also_used) = seen[True], seen[False]
    assert torch.equal(plain, pixels.grey(batch.real[:2].flatten(0, 1)))
    assert not torch.allclose(mixed, plain) and mixed.shape == plain.shape
    assert torch.equal(when_used, also_used) and torch.equal(when_used, pixels.grey(batch.real[1]))
