"""Augmentation, batched, on uint8 images: what is random is drawn first, on the CPU, and handed in.

The functions that move pixels work through numpy views and leave torch's thread pool alone: they run in the loader's
threads, beside a training step that owns the cores.
"""

from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Int64, UInt8
from torch import Tensor

ERASED_AREA = (0.02, 0.4)  # share of the image
ERASED_ASPECT = (0.3, 1 / 0.3)  # height / width, drawn uniformly (not in the logarithm) as the official code does
ERASING_ATTEMPTS = 100

Border = Literal["edge", "black"]


def mirror(
    images: UInt8[Tensor, "batch 3 height width"], flags: Bool[Tensor, "batch"]
) -> UInt8[Tensor, "batch 3 height width"]:
    """New images, flipped left to right where `flags`; channels last in memory. The input stays as it is."""
    flipped = images.clone(memory_format=torch.channels_last)
    rows = np.flatnonzero(flags.numpy())
    view = flipped.permute(0, 2, 3, 1).numpy().view("V3")[..., 0]  # one item of three bytes per pixel
    view[rows] = view[rows][:, :, ::-1]
    return flipped


def crop_padded(
    images: UInt8[Tensor, "batch 3 height width"],
    tops: Int64[Tensor, "batch"],
    lefts: Int64[Tensor, "batch"],
    pad: int,
    border: Border = "edge",
) -> UInt8[Tensor, "batch 3 height width"]:
    """Pad by `pad` pixels that repeat the edge (or are black), then cut windows of the old size at (top, left).

    `tops` and `lefts` are 0..2*pad, `pad` is smaller than both sides. The padded images never exist: the part of a
    window that lies on the image is copied, then its outermost row and column spread over the rest.
    """
    source = images.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1).numpy()
    window = np.empty_like(source) if border == "edge" else np.zeros_like(source)
    height, width = source.shape[1:3]
    for image, (top, left) in enumerate(zip((tops - pad).tolist(), (lefts - pad).tolist(), strict=True)):
        # Rows first..last of the window show rows first+top..last+top of the image; likewise columns.
        first_row, last_row = max(0, -top), min(height, height - top)
        first_column, last_column = max(0, -left), min(width, width - left)
        target = window[image]
        target[first_row:last_row, first_column:last_column] = source[
            image, first_row + top : last_row + top, first_column + left : last_column + left
        ]
        if border == "black":
            continue
        rows = target[first_row:last_row]
        rows[:, :first_column] = rows[:, first_column : first_column + 1]
        rows[:, last_column:] = rows[:, last_column - 1 : last_column]
        target[:first_row] = target[first_row]
        target[last_row:] = target[last_row - 1]
    return torch.from_numpy(window).permute(0, 3, 1, 2)


def draw_erasing(
    random: np.random.Generator, images: int, height: int, width: int, probability: float = 0.5
) -> Int64[np.ndarray, "batch 4"]:
    """Random erasing (Zhong et al. 2020, algorithm 1): one rectangle (top, left, height, width) in pixels per image.

    With `probability` an image gets the first of `ERASING_ATTEMPTS` random shapes that is smaller than the image both
    ways, at a uniform place. All four numbers are 0 where nothing is erased.
    """
    erase = random.random(images) < probability
    areas = random.uniform(*ERASED_AREA, (images, ERASING_ATTEMPTS)) * (height * width)
    aspects = random.uniform(*ERASED_ASPECT, (images, ERASING_ATTEMPTS))
    heights, widths = np.rint(np.sqrt(areas * aspects)), np.rint(np.sqrt(areas / aspects))
    fits = (heights < height) & (widths < width)
    first = fits.argmax(axis=1)[:, None]
    tall = np.take_along_axis(heights, first, 1)[:, 0]
    wide = np.take_along_axis(widths, first, 1)[:, 0]
    places = random.random((2, images))
    tops, lefts = np.floor(places[0] * (height - tall + 1)), np.floor(places[1] * (width - wide + 1))
    rectangles = np.stack([tops, lefts, tall, wide], axis=1)
    rectangles[~(erase & fits.any(axis=1))] = 0
    return rectangles.astype(np.int64)


def rectangle_mask(
    rectangles: Int64[np.ndarray, "batch 4"], height: int, width: int
) -> Bool[Tensor, "batch 1 height width"]:
    """True inside each image's rectangle (top, left, height, width)."""
    mask = np.zeros((len(rectangles), 1, height, width), bool)
    for image, (top, left, tall, wide) in enumerate(rectangles.tolist()):
        mask[image, 0, top : top + tall, left : left + wide] = True
    return torch.from_numpy(mask)
