"""The pictures of the demo: swaps of built-in pedestrians, true and generated, and the course of the losses."""

from pathlib import Path

import torch

from dgnet.config import Config
from dgnet.data.cache import ImageCache
from dgnet.data.pedestrians import SyntheticTruth
from dgnet.data.records import Dataset
from dgnet.generation.swap_pairs import Pair, one_image_per_identity, render_pairs
from dgnet.models.swap import swap_all
from dgnet.runs.loaded_generator import LoadedGenerator
from dgnet.runs.scalars import read_scalars
from visual.drawing.curves import curves
from visual.drawing.grid import save_png, swap_grid

ROWS, COLUMNS, SEED = 7, 6, 0
TRUE_ROWS = 4  # and columns of the true swaps
# Columns beside which the true swaps stand.
TRUTH_BESIDE = (0, 3)
TRUE_SWAPS = "true_swaps.png"


def draw_true_swaps(config: Config, dataset: Dataset, folder: Path) -> None:
    """Draw `true_swaps.png`: training identities in each other's clothes, as the renderer draws them.

    It is there before anything has been trained. `dataset` is one of built-in pedestrians.
    """
    size = config.data.height, config.data.width
    records = one_image_per_identity(dataset.train, 2 * TRUE_ROWS, SEED, "the true swaps")
    split = len(records) // 2
    pairs = [Pair(row, column) for row in records[:split] for column in records[split:]]
    swaps = render_pairs(SyntheticTruth.open(dataset.root), pairs, *size)
    columns = len(records) - split
    grid = swap_grid(
        swaps.appearances[::columns],
        swaps.structures[:columns],
        swaps.truths.unflatten(0, (split, columns)),
        scale=2,
    )
    folder.mkdir(parents=True, exist_ok=True)
    save_png(grid, folder / TRUE_SWAPS)


def draw_demo_pictures(generator: LoadedGenerator, dataset: Dataset, folder: Path) -> None:
    """Draw `swaps.png`, a sheet of swaps of test identities with the true ones beside some, and `losses.png`.

    `dataset` is one of built-in pedestrians, `folder` that of the generator's run.
    """
    size = generator.config.data.height, generator.config.data.width
    records = one_image_per_identity([*dataset.query, *dataset.gallery], ROWS + COLUMNS, SEED, "the grid")
    images = ImageCache([record.path for record in records]).gather(torch.arange(len(records)), *size)
    split = len(records) * ROWS // (ROWS + COLUMNS)
    appearances, structures = images[:split], images[split:]
    truth = SyntheticTruth.open(dataset.root)
    truths = {
        column: render_pairs(truth, [Pair(row, records[split + column]) for row in records[:split]], *size).truths
        for column in TRUTH_BESIDE
        if column < len(structures)
    }
    swapped = swap_all(generator.network, appearances, structures)
    save_png(swap_grid(appearances, structures, swapped, truths=truths, scale=2), folder / "swaps.png")
    rows = [
        {"iteration": iteration}
        | {
            name.removeprefix("loss/").replace("_", " "): value
            for name, value in row.items()
            if name.startswith("loss/")
        }
        for iteration, row in read_scalars(folder / "scalars.csv")
    ]
    save_png(curves(rows, title="Losses without their weights"), folder / "losses.png")
