"""Swaps on a page: the grid of all appearances on all structures, and pairs one by one."""

from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor

from dgnet.config import Config
from dgnet.core.errors import UserError
from dgnet.data.cache import ImageCache
from dgnet.data.records import Dataset
from dgnet.generation.swap_pairs import one_image_per_identity
from dgnet.models.generator import Generator
from dgnet.models.swap import swap_all, swap_images
from visual.drawing.grid import REAL, Picture, Tile, grid, image_png, save_png, swap_grid
from visual.job import VisualJob


def draw_swaps(job: VisualJob) -> None:
    """The picture of `show_swap.py`: --appearances on --structures, or --count people on each other."""
    options = job.options
    people = [] if options.appearances and options.structures else job.draw_people(options.count)
    appearances, structures = job.read(options.appearances or people), job.read(options.structures or people)
    swapped = swap_all(job.generator, appearances, structures)
    job.write(job.path("swap", ".png"), swap_grid(appearances, structures, swapped, scale=job.scale))


def draw_pairs(job: VisualJob) -> None:
    """The pictures of `show1by1.py`: a sheet of pairs, and each swap in a file of its own."""
    options = job.options
    people = [] if options.appearances and options.structures else job.draw_people(options.count)
    appearance_paths = options.appearances or [*people[1:], *people[:1]]
    structure_paths = options.structures or people
    if options.appearances and options.structures and len(appearance_paths) != len(structure_paths):
        raise UserError(
            f"--appearances and --structures go together one by one, got {len(appearance_paths)} and "
            f"{len(structure_paths)} images"
        )
    count = min(len(appearance_paths), len(structure_paths))
    appearances, structures = job.read(appearance_paths[:count]), job.read(structure_paths[:count])
    swapped = swap_images(job.generator, appearances, structures)
    path = job.path("1by1", ".png")
    job.write(path, pair_sheet(appearances, structures, swapped, columns=options.columns, scale=job.scale))
    for appearance, structure, image in zip(appearance_paths, structure_paths, swapped, strict=False):
        job.write(path.with_suffix("") / f"{appearance.stem}_on_{structure.stem}.png", image_png(image))


def pair_sheet(
    appearances: UInt8[Tensor, "pair 3 height width"],
    structures: UInt8[Tensor, "pair 3 height width"],
    swapped: UInt8[Tensor, "pair 3 height width"],
    *,
    columns: int = 2,
    scale: int = 1,
) -> Picture:
    """Appearance, structure and swap of each pair, `columns` pairs beside each other."""
    columns = min(columns, len(swapped))
    cells = [
        [Tile(appearance, REAL), Tile(structure, REAL), Tile(image)]
        for appearance, structure, image in zip(appearances, structures, swapped, strict=True)
    ]
    cells += [[Tile()] * 3] * (-len(cells) % columns)
    headings = [Tile(text=text) for text in ("appearance", "structure", "generated")]
    rows = [sum(cells[first : first + columns], []) for first in range(0, len(cells), columns)]
    return grid([headings * columns, *rows], gaps=[28, 8, 8] * columns, scale=scale)


def fixed_grid(config: Config, dataset: Dataset, count: int = 8) -> Callable[[Generator, Path], None]:
    """A function that draws one swap grid of fixed images (queries, or else training images) into a file."""
    # Drawn at random, as the first images of people are mostly one camera's.
    records = one_image_per_identity(dataset.query or dataset.train, count, 0, "the fixed grid")
    cache = ImageCache([record.path for record in records])
    images = cache.gather(torch.arange(len(cache)), config.data.height, config.data.width)

    def draw(generator: Generator, path: Path) -> None:
        save_png(swap_grid(images, images, swap_all(generator, images, images), scale=1), path)

    return draw
