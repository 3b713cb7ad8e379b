"""A run's own pictures over time: the fixed grid of swaps of each checkpoint."""

import re
from pathlib import Path

import numpy as np

from dgnet.core.errors import UserError
from dgnet.core.images import read_image
from visual.drawing.grid import Picture, Tile, grid

_NAME = re.compile(r"(\d{8,})\.png")


def training_pictures(folder: Path) -> dict[int, Path]:
    """Iteration -> picture of a run's `images/`, oldest first. `UserError` where there is none."""
    images = folder / "images"
    found = {int(match[1]): path for path in images.glob("*.png") if (match := _NAME.fullmatch(path.name))}
    if not found:
        raise UserError(f"{images}: no pictures of a training (00001000.png); run.image_every makes them")
    return dict(sorted(found.items()))


def evenly(iterations: list[int], count: int) -> list[int]:
    """`count` of the iterations (all where there are fewer), the first and the last among them."""
    if count < 1:
        raise UserError(f"--count must be a whole number from 1, got {count}")
    if count == 1:
        return iterations[-1:]
    places = np.linspace(0, len(iterations) - 1, min(count, len(iterations))).round().astype(int)
    return [iterations[place] for place in places]


def strip(pictures: dict[int, Path]) -> Picture:
    """The pictures side by side, each under its iteration. `UserError` where their sizes differ or one is damaged."""
    heads = [Tile(text=f"iteration {iteration:,}") for iteration in pictures]
    images = [Tile(read_image(path).numpy()) for path in pictures.values()]
    return grid([heads, images], gaps=[16] * len(heads))
