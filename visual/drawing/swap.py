"""Swap pictures: who wears whose clothes."""

from collections.abc import Callable
from pathlib import Path

import torch

from dgnet.config import Config
from dgnet.data.cache import ImageCache
from dgnet.data.records import Dataset
from dgnet.generation.swap_pairs import one_image_per_identity
from dgnet.models.generator import Generator
from dgnet.models.swap import swap_all
from visual.drawing.grid import save_png, swap_grid


def fixed_grid(config: Config, dataset: Dataset, count: int = 8) -> Callable[[Generator, Path], None]:
    """A function that draws one swap grid of fixed images (queries, or else training images) into a file."""
    # Drawn, as the first images of people are mostly one camera's.
    records = one_image_per_identity(dataset.query or dataset.train, count, 0, "the fixed grid")
    cache = ImageCache([record.path for record in records])
    images = cache.gather(torch.arange(len(cache)), config.data.height, config.data.width)

    def draw(generator: Generator, path: Path) -> None:
        save_png(swap_grid(images, images, swap_all(generator, images, images), scale=1), path)

    return draw
