"""Diversity of a generated image: its distance to the most similar other image of its identity."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from dgnet.core import pixels
from dgnet.core.images import read_image
from dgnet.core.machine import usable_cores

# Pixels: pose, background and clothes still show at this size, noise and sharpness do not.
HEIGHT, WIDTH = 16, 8


def thumbnail(path: Path) -> UInt8[Tensor, "3 height width"]:
    """The image at 16x8."""
    return pixels.resize(read_image(path)[None], HEIGHT, WIDTH)[0]


def nearest_other(thumbnails: UInt8[Tensor, "image 3 height width"]) -> Float[Tensor, "image"]:
    """Mean absolute difference (0..1) of each image to the other image that is most like it; at least two images."""
    flat = thumbnails.flatten(1).float() / 255
    distances = torch.cdist(flat, flat, p=1) / flat.shape[1]
    return distances.fill_diagonal_(torch.inf).amin(1)


def diversity(files: Mapping[int, Path], identities: Sequence[int]) -> dict[int, float]:
    """Position -> diversity of each of `files` within its identity, `identities[position]`.

    An identity's only image has no diversity. `UserError` for a file that is not an image.
    """
    groups: dict[int, list[int]] = {}
    for position in files:
        groups.setdefault(identities[position], []).append(position)
    values: dict[int, float] = {}
    with ThreadPoolExecutor(usable_cores()) as pool:
        for group in groups.values():
            if len(group) > 1:
                images = torch.stack(list(pool.map(thumbnail, (files[position] for position in group))))
                distances = nearest_other(images).tolist()
                values |= {position: round(value, 4) for position, value in zip(group, distances, strict=True)}
    return values
