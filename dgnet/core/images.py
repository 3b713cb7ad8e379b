"""Image files: the one place that finds and decodes them.

Whatever a file holds, what comes out is upright RGB of 8 bits a channel: the orientation in its EXIF data is applied,
16 bits are scaled to 8, and what is transparent shows the background `BACKGROUND`.
"""

import os
import struct
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import ExifTags, Image, UnidentifiedImageError
from torch import Tensor

from dgnet.core.errors import UserError

BACKGROUND = "white"
# Stands in files of features: those of another way to decode are not these.
DECODING = f"upright by EXIF, 16 bits scaled to 8, transparency on {BACKGROUND}"
EXTENSIONS = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
# What Pillow raises for damaged files, depending on the format and on where the damage is.
_DECODING_ERRORS = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError, struct.error)
_SIXTEEN_BITS = ("I", "I;16", "I;16B", "I;16L", "I;16N")
# EXIF's orientation -> what brings the image upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_image(
    path: Path, *, formats: tuple[str, ...] | None = None, name: str | None = None
) -> UInt8[Tensor, "3 height width"]:
    """The image of a file as RGB, 0..255, upright, at its own size; channels last in memory. The first of several.

    Args:
        formats: the formats of Pillow that are tried ("PNG", "JPEG"); all by default.
        name: what an error calls the file; its path by default.

    Raises:
        UserError: the file is missing, damaged, truncated or no image, or its pixels are no 8- or 16-bit numbers.

    Example:
        >>> import tempfile
        >>> from pathlib import Path
        >>> from PIL import Image
        >>> path = Path(tempfile.mkdtemp()) / "red.png"
        >>> Image.new("RGB", (64, 128), "red").save(path)
        >>> read_image(path).shape, read_image(path)[:, 0, 0].tolist()
        (torch.Size([3, 128, 64]), [255, 0, 0])
    """
    name = str(path) if name is None else name
    try:
        # By its path Pillow maps some TIFF files into memory, and decodes those that lie on their side wrongly.
        with open(path, "rb") as file, Image.open(file, formats=formats) as image:
            color = _color(image, name)
            upright = _UPRIGHT.get(_orientation(image))
            pixels = np.array(color if upright is None else color.transpose(upright))
    except UserError:
        raise
    except _DECODING_ERRORS as error:
        raise _unreadable(name, error) from error
    return torch.from_numpy(pixels).permute(2, 0, 1)


def image_size(path: Path, *, formats: tuple[str, ...] | None = None, name: str | None = None) -> tuple[int, int]:
    """Height and width in pixels that the file's head tells, before EXIF's orientation; nothing is decoded.

    Arguments and errors as `read_image`; damage behind the head stays unseen.
    """
    try:
        with Image.open(path, formats=formats) as image:
            return image.height, image.width
    except _DECODING_ERRORS as error:
        raise _unreadable(str(path) if name is None else name, error) from error


def image_files(folder: Path) -> list[Path]:
    """All images below `folder`, however deep, in the order of their paths; hidden files are left out.

    Raises:
        UserError: there is no such folder, or no image in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of images")
    paths = [
        Path(place) / name
        for place, _, names in os.walk(folder, followlinks=True)
        for name in names
        if name.lower().endswith(EXTENSIONS) and not name.startswith(".")
    ]
    if not paths:
        raise UserError(f"{folder}: no image in it or below it (looked for {', '.join(EXTENSIONS)})")
    return sorted(paths, key=lambda path: path.relative_to(folder).parts)


def _color(image: Image.Image, name: str) -> Image.Image:
    """The image in the mode RGB."""
    if image.mode in _SIXTEEN_BITS:
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise UserError(f"{name}: pixels must be 8- or 16-bit numbers, this has {values.min()} to {values.max()}")
        return Image.fromarray(((values + 128) // 257).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise UserError(f"{name}: pixels must be 8- or 16-bit numbers, these are floating point")
    if image.has_transparency_data:
        background = Image.new("RGBA", image.size, BACKGROUND)
        return Image.alpha_composite(background, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _orientation(image: Image.Image) -> int:
    """EXIF's number, 1..8; 1 (upright) where the file has none, or EXIF data that nobody can read."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except (SyntaxError, ValueError, TypeError, KeyError, OSError, struct.error):
        return 1


def _unreadable(name: str, error: BaseException) -> UserError:
    if isinstance(error, UnidentifiedImageError):
        return UserError(f"{name}: not a readable image (of no format that is known here)")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return UserError(f"{name}: not a readable image ({reason})")
