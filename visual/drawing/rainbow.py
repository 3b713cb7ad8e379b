"""Appearances in the order of the color circle: the colors of people, and their swaps on a page."""

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from dgnet.models.swap import swap_all
from visual.drawing.grid import REAL, Picture, Tile, grid
from visual.job import VisualJob


def draw_rainbow(job: VisualJob) -> None:
    """The picture of `show_rainbow.py`: --appearances (or --count people) on --structures (or --identities people)."""
    options = job.options
    appearances = job.read(options.appearances or job.draw_people(options.count))
    structures = job.read(options.structures or job.draw_people(options.identities))
    swapped = swap_all(job.generator, appearances, structures).transpose(0, 1)
    job.write(job.path("rainbow", ".png"), rainbow(appearances, structures, swapped, scale=job.scale))


def rainbow(
    appearances: UInt8[Tensor, "column 3 height width"],
    structures: UInt8[Tensor, "row 3 height width"],
    swapped: UInt8[Tensor, "row column 3 height width"],
    *,
    scale: int = 1,
) -> Picture:
    """A row for each structure, a column for each appearance, in the order of the hues of their swaps."""
    order = np.argsort(hues(mean_image(swapped)), kind="stable")
    appearances, swapped = appearances[order], swapped[:, order]
    tiles = [[Tile(text="columns:\nappearance\n\nrows:\nstructure"), *(Tile(image, REAL) for image in appearances)]]
    tiles += [[Tile(image, REAL), *map(Tile, row)] for image, row in zip(structures, swapped, strict=True)]
    return grid(tiles, gaps=[8, 20, *[2] * (len(appearances) - 1)], scale=scale)


def mean_image(images: UInt8[Tensor, "several image 3 height width"]) -> UInt8[Tensor, "image 3 height width"]:
    """The mean over the first axis: of one appearance on several structures, its colors whatever the structure."""
    return images.double().mean(dim=0).round().to(torch.uint8)


def hues(images: UInt8[Tensor, "image 3 height width"]) -> Float[np.ndarray, "image"]:
    """The hue of each person's clothes in turns (0 red, 1/3 green, 2/3 blue), from the middle of the image.

    The mean direction on the color circle (the plane across the gray axis), in which a pixel counts as much as it is
    colorful; the middle is the half of the width and the three fifths of the height where clothes are expected.
    """
    height, width = images.shape[2:]
    middle = images[:, :, height // 5 : height * 4 // 5, width // 4 : width - width // 4].double()
    red, green, blue = middle.unbind(1)
    across = torch.stack([red - (green + blue) / 2, (green - blue) * 3**0.5 / 2])
    # The square favors what is colorful over much that is nearly gray.
    mean = (across * across.norm(dim=0)).mean(dim=(2, 3))
    return (torch.atan2(mean[1], mean[0]) / (2 * torch.pi) % 1).numpy()
