"""A whole float32 step with Winograd's sums, as run.compile has them: the losses and gradients of the plain one."""

import pytest
import torch

from dgnet.layers import conv2d, winograd
from tests.dgnet.small_training import narrow_trunks, quick_config, random_batch, small_training

# Decoder and discriminators have 3x3 convolutions of 64 channels.
WIDE = {"structure.channels": 8, "discriminator.channels": 32, "run.channels_last": True, "run.batch_size": 2}
# Other orders of addition make 2e-4; tap sums wrong by a thousandth make 0.1.
TOLERANCE = 3e-3


def figures() -> dict[str, float]:
    """Every loss term, and the norm of the gradient of every part of the networks."""
    config = quick_config(WIDE)
    with pytest.MonkeyPatch.context() as patch:
        narrow_trunks(patch)
        training = small_training(config, dtype=torch.float32)
    for network in (training.generator, training.discriminator, *training.teachers):
        network.to(memory_format=torch.channels_last)
    record = training(random_batch(batch=2, dtype=torch.float32))
    found = {name: value for terms in (record.discriminator, record.generator) for name, value in terms.items()}
    found = {name: value.sum().item() for name, value in found.items()}
    for network, gradients in training.gradients.items():
        parts: dict[str, float] = {}
        for key, gradient in gradients.items():
            part = ".".join([network, *key.split(".")[:2]])
            parts[part] = parts.get(part, 0.0) + gradient.double().square().sum().item()
        found |= {f"gradient of {part}": square**0.5 for part, square in parts.items()}
    return found


def farthest(first: dict[str, float], second: dict[str, float]) -> tuple[float, str]:
    """The largest relative difference, and where it is; what is a thousandth of the largest figure does not count."""
    assert first.keys() == second.keys()
    least = 1e-3 * max(second.values())
    return max((abs(value - second[name]) / max(abs(second[name]), least), name) for name, value in first.items())


@pytest.mark.slow
def test_a_step_with_winograds_sums_equals_the_plain_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one with a small error in them does not."""
    plain = figures()
    monkeypatch.setattr(conv2d, "compiling", lambda: True)
    assert farthest(figures(), plain)[0] < TOLERANCE
    monkeypatch.setattr(winograd, "_BY_P", 1.001 * winograd._BY_P)
    assert farthest(figures(), plain)[0] > 10 * TOLERANCE
