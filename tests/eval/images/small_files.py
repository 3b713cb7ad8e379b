"""Image files that a test writes."""

from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int, height: int = 40, width: int = 20) -> np.ndarray:
    """Blocks of color with noise, `[height, width, 3]` uint8."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3)).repeat(8, 0).repeat(8, 1)
    noise = random.normal(0, 8, (height, width, 3))
    return np.clip(coarse[:height, :width] + noise, 0, 255).astype(np.uint8)


def write(path: Path, image: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return path


def write_set(folder: Path, count: int, seed: int = 0, height: int = 40, width: int = 20) -> Path:
    """`count` PNG files of one size directly in `folder`."""
    for number in range(count):
        write(folder / f"{number:03}.png", picture(seed * 1000 + number, height, width))
    return folder
