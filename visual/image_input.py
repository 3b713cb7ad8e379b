"""Images from files and folders, refused by a sentence where they are not what a network can see."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from dgnet.core.errors import UserError
from dgnet.data.cache import DECODING_ERRORS, ImageCache

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
# Pixels on a side: less shows nobody, more is no cut-out of a person, and a small file can claim any size.
SMALLEST, LARGEST = 16, 4096
# What an uploaded file may be: formats of cameras and browsers whose decoders are exercised everywhere.
UPLOADS = ("JPEG", "PNG", "WEBP", "BMP")


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
    _require_sides(str(path), sides)


def decode_upload(path: Path) -> UInt8[Tensor, "3 height width"]:
    """An image that a stranger may have made: only the formats of `UPLOADS` are tried, within the limits of size.

    `UserError` like `require_size`, without the path, which says nothing to whoever uploaded it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=UPLOADS) as image:
                _require_sides("the image", image.size)
                return torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1)
    except DECODING_ERRORS as error:
        raise UserError(f"this is not a readable {', '.join(UPLOADS)} image") from error


def images_in(folder: Path) -> list[Path]:
    """The image files of a folder and of the folders below it, sorted. `UserError` where there is none."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of images")
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not found:
        raise UserError(f"{folder}: no image in it ({', '.join(SUFFIXES)})")
    return found


def _require_sides(subject: str, sides: tuple[int, int]) -> None:
    if not all(SMALLEST <= side <= LARGEST for side in sides):
        raise UserError(
            f"{subject}: {SMALLEST} to {LARGEST} pixels on each side are allowed, this has {sides[0]}x{sides[1]}"
        )
