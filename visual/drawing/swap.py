"""Swap pictures: who wears whose clothes."""

from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor

from dgnet.config import Config
from dgnet.core import pixels
from dgnet.data.cache import ImageCache
from dgnet.data.records import Dataset
from dgnet.generation.swap_pairs import one_each
from dgnet.models.frozen import evaluating
from dgnet.models.generator import Generator
from visual.drawing.grid import save_png, swap_grid


@torch.no_grad()
def swapped_images(
    generator: Generator,
    appearances: UInt8[Tensor, "row 3 height width"],
    structures: UInt8[Tensor, "column 3 height width"],
) -> UInt8[Tensor, "row column 3 height width"]:
    """Every appearance on every structure, in evaluation mode (the modes are restored); each image is encoded once."""
    device = next(generator.parameters()).device
    with evaluating(generator):
        codes = generator.encode_appearance(pixels.normalize(appearances.to(device)))
        structure = generator.encode_structure(pixels.normalize(structures.to(device)))
        rows = [generator.decoder(structure, code.expand(len(structure), -1)) for code in codes]
    return torch.stack([pixels.to_uint8(row) for row in rows]).cpu()


@torch.no_grad()
def swapped_pairs(
    generator: Generator,
    appearances: UInt8[Tensor, "pair 3 height width"],
    structures: UInt8[Tensor, "pair 3 height width"],
) -> UInt8[Tensor, "pair 3 height width"]:
    """Image i wears the clothes of `appearances[i]` on `structures[i]`, in evaluation mode (the modes are restored)."""
    device = next(generator.parameters()).device
    with evaluating(generator):
        swapped = generator.swap(*(pixels.normalize(images.to(device)) for images in (appearances, structures)))
    return pixels.to_uint8(swapped).cpu()


def fixed_grid(config: Config, dataset: Dataset, count: int = 8) -> Callable[[Generator, Path], None]:
    """A function that draws one swap grid of fixed images (queries, or else training images) into a file."""
    # Drawn, as the first images of people are mostly one camera's.
    records = one_each(dataset.query or dataset.train, count, 0, "the fixed grid")
    cache = ImageCache([record.path for record in records])
    images = cache.gather(torch.arange(len(cache)), config.data.height, config.data.width)

    def draw(generator: Generator, path: Path) -> None:
        save_png(swap_grid(images, images, swapped_images(generator, images, images), scale=1), path)

    return draw
