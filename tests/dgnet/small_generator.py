"""A generator small enough to build in a blink, stored as the training loop stores it."""

from pathlib import Path

import torch

from dgnet.config import Config, parse_config, resolved
from dgnet.core.checkpoint import save_checkpoint
from dgnet.models.build import build_generator
from dgnet.models.generator import Generator
from dgnet.runs.checkpoint import checkpoint_path

IDENTITIES = (3, 5, 8)


def small_config(parts: bool = False) -> Config:
    values: dict[str, dict[str, object]] = {
        "data": {"height": 64, "width": 48},
        "appearance": {"backbone": "resnet18", "upsample_below_height": 0},
        "structure": {"channels": 2, "residual_blocks": 1},
        "decoder": {"style_hidden": 8},
    }
    if parts:
        values["structure"]["input"] = "contour"
        values["decoder"] |= {"kind": "parts", "parts": 3}
    return parse_config(values, "small")


def small_generator(seed: int = 0, parts: bool = False) -> Generator:
    torch.manual_seed(seed)
    return build_generator(small_config(parts), len(IDENTITIES)).eval()


def store(run: Path, generator: Generator, iteration: int, **changes: object) -> Path:
    (run / "checkpoints").mkdir(parents=True, exist_ok=True)
    path = checkpoint_path(run / "checkpoints", iteration)
    state = {
        "kind": "dgnet generator",
        "config": resolved(small_config()),
        "identities": list(IDENTITIES),
        "iteration": iteration,
        "generator": generator.state_dict(),
        "discriminator": {"weight": torch.zeros(1)},
    }
    save_checkpoint(path, state | changes)
    return path
