"""Images from files and folders, refused by a sentence where they are not what a network can see."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from dgnet.data.cache import DECODING_ERRORS, ImageCache
from dgnet.errors import UserError

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
# Pixels on a side: less shows nobody, more is no cut-out of a person, and a small file can claim any size.
SMALLEST, LARGEST = 16, 4096


def read_images(paths: Sequence[Path], height: int, width: int) -> UInt8[Tensor, "image 3 height width"]:
    """The images of these files at one size.

    Raises:
        UserError: naming the first file that is missing, not a readable image, or smaller than 16 or larger than 4096
            pixels on a side (known from its head, before anything is decoded).
    """
    for path in paths:
        require_size(path)
    return ImageCache(paths).gather(torch.arange(len(paths)), height, width)


def require_size(path: Path) -> None:
    """`UserError` unless the file is an image with sides of 16 to 4096 pixels."""
    try:
        # The warning is about sizes that are refused here anyway.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                sides = image.size
    except DECODING_ERRORS as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UserError(f"{path}: not a readable image ({reason})") from error
    if not all(SMALLEST <= side <= LARGEST for side in sides):
        raise UserError(
            f"{path}: an image must have {SMALLEST} to {LARGEST} pixels on each side, this has {sides[0]}x{sides[1]}"
        )


def images_in(folder: Path) -> list[Path]:
    """The image files of a folder and of the folders below it, sorted. `UserError` where there is none."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of images")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        raise UserError(f"{folder}: no image in it ({', '.join(SUFFIXES)})")
    return found
