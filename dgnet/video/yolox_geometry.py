"""What goes into YOLOX and what its numbers mean: the letterbox, the grid of anchors, the decoding of boxes."""

from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float32, Float64

from dgnet.core import pixels
from dgnet.video.frames import Picture

Preprocessing = Literal["raw", "imagenet"]
PREPROCESSINGS: tuple[Preprocessing, ...] = ("raw", "imagenet")
STRIDES = (8, 16, 32)
_PADDING = 114.0


def letterbox(picture: Picture, height: int, width: int, kind: Preprocessing) -> tuple[np.ndarray, float]:
    """A picture as YOLOX wants it, float32 `[1, 3, height, width]`, and the factor by which it was resized.

    It keeps its shape (bilinear, no antialiasing), lies in the upper left corner, and gray 114 is around it.

    >>> import numpy as np
    >>> letterbox(np.zeros((100, 200, 3), np.uint8), 64, 64, "raw")[1]
    0.32
    """
    factor = min(height / picture.shape[0], width / picture.shape[1])
    size = max(1, int(picture.shape[0] * factor)), max(1, int(picture.shape[1] * factor))
    image = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    resized = F.interpolate(image, size=size, mode="bilinear", align_corners=False).round()
    padded = torch.full((1, 3, height, width), _PADDING)
    padded[:, :, : size[0], : size[1]] = resized
    if kind == "imagenet":
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (pixels.MEAN, pixels.STD))
        return ((padded / 255 - mean) / std).numpy(), factor
    return np.ascontiguousarray(padded.flip(1).numpy()), factor  # BGR


def grid_of(height: int, width: int) -> tuple[Float64[np.ndarray, "anchor 2"], Float64[np.ndarray, "anchor 1"]]:
    """Of each anchor its cell, column and row, and its stride in pixels: strides 8, 16 and 32, cells row by row."""
    cells, strides = [], []
    for stride in STRIDES:
        rows, columns = np.mgrid[: height // stride, : width // stride]
        cells.append(np.stack([columns, rows], 2).reshape(-1, 2).astype(np.float64))
        strides.append(np.full((len(cells[-1]), 1), float(stride)))
    return np.concatenate(cells), np.concatenate(strides)


def decoded(output: Float32[np.ndarray, "anchor value"], height: int, width: int) -> Float64[np.ndarray, "anchor 4"]:
    """Center, width and height of each anchor in pixels, whether the file has decoded its grid or not.

    A file that has gives centers near their cells; one that has not gives offsets of about one cell.
    """
    cells, strides = grid_of(height, width)
    boxes = output[:, :4].astype(np.float64)
    far_from_cell = np.median(np.abs(boxes[:, :2] / strides - cells - 0.5))
    if far_from_cell <= np.median(np.abs(boxes[:, :2] - 0.5)):
        return boxes
    with np.errstate(over="ignore"):
        return np.concatenate([(boxes[:, :2] + cells) * strides, np.exp(boxes[:, 2:]) * strides], 1)
