"""Swap pictures: who wears whose clothes."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from dgnet import pixels
from dgnet.config import Config
from dgnet.data.cache import ImageCache
from dgnet.data.records import Dataset, Record
from dgnet.models.frozen import evaluating
from dgnet.models.generator import Generator
from visual.grid import save_png, swap_grid


def one_per_identity(records: Sequence[Record], count: int) -> list[Record]:
    """The first image of `count` identities (fewer if there are fewer), spread evenly over all of them."""
    first = {record.identity: record for record in reversed(records) if record.identity > 0}
    identities = sorted(first)
    positions = np.linspace(0, len(identities) - 1, min(count, len(identities))).round().astype(int)
    return [first[identities[position]] for position in positions]


@torch.no_grad()
def swapped_images(
    generator: Generator,
    appearances: UInt8[Tensor, "row 3 height width"],
    structures: UInt8[Tensor, "column 3 height width"],
) -> UInt8[Tensor, "row column 3 height width"]:
    """Every appearance on every structure, in evaluation mode (the modes are restored); each image is encoded once."""
    device = next(generator.parameters()).device
    with evaluating(generator):
        codes = generator.encode_appearance(pixels.normalise(appearances.to(device)))
        structure = generator.encode_structure(pixels.normalise(structures.to(device)))
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
        swapped = generator.swap(*(pixels.normalise(images.to(device)) for images in (appearances, structures)))
    return pixels.to_uint8(swapped).cpu()


def fixed_grid(config: Config, dataset: Dataset, count: int = 8) -> Callable[[Generator, Path], None]:
    """A function that draws one swap grid of fixed images (queries, or else training images) into a file."""
    records = one_per_identity(dataset.query or dataset.train, count)
    cache = ImageCache([record.path for record in records])
    images = cache.gather(torch.arange(len(cache)), config.data.height, config.data.width)

    def draw(generator: Generator, path: Path) -> None:
        save_png(swap_grid(images, images, swapped_images(generator, images, images), scale=1), path)

    return draw
