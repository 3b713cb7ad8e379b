"""Images from files and folders, refused by a sentence where they are not what a network can see."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from dgnet.core.errors import UserError
from dgnet.core.images import image_size, read_image
from dgnet.data.cache import ImageCache

# Pixels on a side: less shows nobody, more is no cut-out of a person, and a small file can claim any size.
SMALLEST, LARGEST = 16, 4096
# What an uploaded file may be: formats of cameras and browsers whose decoders are exercised everywhere.
UPLOADS = ("JPEG", "PNG", "WEBP", "BMP")


def read_images(paths: Sequence[Path], height: int, width: int) -> UInt8[Tensor, "image 3 height width"]:
    """The images of these files at one size.

    Raises:
        UserError: naming the first file that is missing, not a readable image, or smaller than 16 or larger than 4096
            pixels on a side (known from its header, before anything is decoded).
    """
    for path in paths:
        require_size(path)
    return ImageCache(paths).gather(torch.arange(len(paths)), height, width)


def require_size(path: Path) -> None:
    """`UserError` unless the file is an image with sides of 16 to 4096 pixels."""
    _require_sides(path, str(path))


def decode_upload(path: Path) -> UInt8[Tensor, "3 height width"]:
    """An image that a stranger may have made: only the formats of `UPLOADS` are tried, within the limits of size.

    `UserError` like `require_size`, without the path, which says nothing to whoever uploaded it.
    """
    name = f"the {', '.join(UPLOADS)} file"
    _require_sides(path, name, UPLOADS)
    return read_image(path, formats=UPLOADS, name=name)


def _require_sides(path: Path, name: str, formats: tuple[str, ...] | None = None) -> None:
    # The warning is about sizes that are refused here anyway.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        height, width = image_size(path, formats=formats, name=name)
    if not all(SMALLEST <= side <= LARGEST for side in (height, width)):
        raise UserError(f"{name}: {SMALLEST} to {LARGEST} pixels on each side are allowed, this has {width}x{height}")
