"""Deterministic weights and images of the stored reference values (`tests/reference/`), the same on every machine."""

from zlib import crc32

import numpy as np
import torch
from torch import Tensor, nn


def draw(key: str, shape: tuple[int, ...]) -> np.ndarray:
    """Standard normal float32 values that depend on `key` and `shape` alone."""
    return np.random.RandomState(crc32(key.encode()) & 0xFFFFFFFF).standard_normal(shape).astype(np.float32)


def fill_value(key: str, drawn: np.ndarray) -> np.ndarray:
    """What a drawn tensor becomes as the entry `key` of a state dict."""
    if key.endswith("running_var"):
        return 1 + 0.1 * np.abs(drawn)
    if key.endswith("running_mean"):
        return 0.1 * drawn
    if drawn.ndim >= 2:
        # The scale in float32 first: from NumPy 2 on a float64 scalar makes the product float64, another last digit.
        return drawn * np.float32(np.sqrt(1 / np.prod(drawn.shape[1:])))
    if key.endswith(("weight", "gamma")):
        return 1 + 0.1 * drawn
    return 0.05 * drawn


def filled_state_dict(shapes: dict[str, list[int]], prefix: str, salt: str = "") -> dict[str, Tensor]:
    """A float32 state dict for entries of these shapes; `prefix` ends in a dot; `num_batches_tracked` stays 0."""
    state = {}
    for key, shape in shapes.items():
        if key.endswith("num_batches_tracked"):
            state[key] = torch.zeros((), dtype=torch.int64)
        else:
            value = fill_value(key, draw(salt + prefix + key, tuple(shape)))
            state[key] = torch.from_numpy(np.asarray(value, dtype=np.float32))
    return state


def fill_state_dict(module: nn.Module, prefix: str, salt: str = "") -> None:
    """Fill all entries of a module whose keys are the official ones."""
    shapes = {key: list(value.shape) for key, value in module.state_dict().items()}
    module.load_state_dict(filled_state_dict(shapes, prefix, salt))


def images(seed: int, count: int, height: int, width: int) -> Tensor:
    """Normalised float32 images, `count` x 3 x `height` x `width`: coarse blocks and fine noise."""
    generator = np.random.RandomState(seed)
    low = generator.standard_normal((count, 3, height // 8, width // 8))
    high = generator.standard_normal((count, 3, height, width))
    return torch.from_numpy((np.kron(low, np.ones((1, 1, 8, 8))) + 0.3 * high).astype(np.float32))


def step_images(image_seed: int, step: int, count: int, height: int, width: int) -> dict[str, Tensor]:
    """The four batches of one iteration of a reference case."""
    names = ("x_a", "x_b", "xp_a", "xp_b")
    return {name: images(image_seed + 10 * step + i, count, height, width) for i, name in enumerate(names)}
