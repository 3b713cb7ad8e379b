"""Image files: the one place that finds and decodes them.

Whatever a file holds, what comes out is upright RGB of 8 bits a channel: the orientation in its EXIF data is applied,
16 bits are scaled to 8, and what is transparent shows the background `BACKGROUND`.
"""

import io
import os
import struct
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import ExifTags, Image, UnidentifiedImageError
from torch import Tensor

from dgnet.core.errors import UserError
from dgnet.core.files import nearest_folder
from dgnet.core.folder_names import is_leftover, is_own_table, one_line
from dgnet.core.image_colors import BACKGROUND, rgb_of
from dgnet.core.image_damage import DECODING_ERRORS, damage_in, further_images

# Stands in files of features: those of another way to decode are not these.
DECODING = f"upright by EXIF, 16 bits scaled to 8, transparency on {BACKGROUND}"
EXTENSIONS = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
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
    """The image of a file as RGB, 0..255, upright, at its own size; channels last in memory.

    Args:
        formats: the formats of Pillow that are tried ("PNG", "JPEG"); all by default.
        name: what an error calls the file; its path by default.

    Raises:
        UserError: the file is missing, damaged (as far as `dgnet.core.image_damage` can tell), truncated or no image,
            it holds several images, or its pixels are no 8- or 16-bit numbers.

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
        with open(path, "rb") as file:
            content = file.read()
        with Image.open(io.BytesIO(content), formats=formats) as image:
            if further := further_images(image):
                raise UserError(
                    f"{name}: holds {further + 1} images, and a file must hold one; write each to its own file"
                )
            color = rgb_of(image, content, name)
            upright = _UPRIGHT.get(_orientation(image))
            pixels = np.array(color if upright is None else color.transpose(upright))
            damage = damage_in(content, image)
    except UserError:
        raise
    except DECODING_ERRORS as error:
        raise _unreadable(name, error) from error
    if damage is not None:
        raise UserError(f"{name}: {damage}")
    return torch.from_numpy(pixels).permute(2, 0, 1)


def image_size(path: Path, *, formats: tuple[str, ...] | None = None, name: str | None = None) -> tuple[int, int]:
    """Height and width in pixels by the file's header, before EXIF's orientation; nothing is decoded.

    Arguments and errors as `read_image`; damage behind the header is not seen.
    """
    try:
        with Image.open(path, formats=formats) as image:
            return image.height, image.width
    except DECODING_ERRORS as error:
        raise _unreadable(str(path) if name is None else name, error) from error


def is_image_name(name: str) -> bool:
    """Whether a file of this name is read as an image: by its ending, whatever its case.

    >>> [is_image_name(name) for name in ("a.JPG", "a.webp", "a.gif", "._a.jpg")]
    [True, True, False, False]
    """
    return name.lower().endswith(EXTENSIONS) and not is_leftover(name)


def files_below(folder: Path) -> list[Path]:
    """All files below `folder`, however deep, in the order of their paths, without what systems leave behind.

    Linked folders are entered; a link that leads back to a folder it lies in is not.
    """

    def walk(place: Path, above: frozenset[str]) -> Iterator[Path]:
        real = os.path.realpath(place)
        if real in above:
            return
        with os.scandir(place) as entries:
            for entry in entries:
                if is_leftover(entry.name):
                    continue
                if entry.is_dir():
                    yield from walk(place / entry.name, above | {real})
                else:
                    yield place / entry.name

    return sorted(walk(folder, frozenset()), key=lambda path: path.relative_to(folder).parts)


def print_passed_over(*folders: Path) -> None:
    """For each folder with files below it that are not read, a line on stderr with their number by ending; tables that
    our own programs write beside images do not count.

    >>> import contextlib, sys, tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for name in ("a.png", "b.webp", "c.gif"):
    ...     (folder / name).touch()
    >>> with contextlib.redirect_stderr(sys.stdout):
    ...     print_passed_over(folder)
    /...: 2 images; passed over: 1 .gif
    """
    for folder in folders:
        files = files_below(folder) if folder.is_dir() else []
        images = sum(is_image_name(path.name) for path in files)
        unread = (path for path in files if not (is_image_name(path.name) or is_own_table(path.name)))
        others = Counter(path.suffix or "without an ending" for path in unread)
        if others:
            passed_over = ", ".join(f"{count} {ending}" for ending, count in others.most_common())
            print(one_line(f"{folder}: {images} images; passed over: {passed_over}"), file=sys.stderr)


def check_outside(picture: Path, folder: Path) -> None:
    """`UserError` where a picture would be written into a folder whose images are read, however deep: the next time it
    would be one of them.

    >>> check_outside(Path("people/found.pdf"), Path("people")), check_outside(Path("found.png"), Path("people"))
    (None, None)
    """
    if is_image_name(picture.name) and picture.resolve().is_relative_to(folder.resolve()):
        raise UserError(
            f"{picture}: lies in {folder}, whose images are read, and would be one of them the next time; name another "
            "place by --output"
        )


def image_files(folder: Path) -> list[Path]:
    """All images below `folder`, however deep, in the order of their paths.

    Raises:
        UserError: there is no such folder, or no image in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder of images; {nearest_folder(folder)}")
    paths = [path for path in files_below(folder) if is_image_name(path.name)]
    if not paths:
        raise UserError(f"{folder}: no image in it or below it (looked for {', '.join(EXTENSIONS)})")
    return paths


def _orientation(image: Image.Image) -> int:
    """EXIF's number, 1..8; 1 (upright) where the file has none, or EXIF data that nobody can read."""
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except (SyntaxError, ValueError, TypeError, KeyError, OSError, struct.error):
        return 1


def _unreadable(name: str, error: BaseException) -> UserError:
    if isinstance(error, FileNotFoundError):
        return UserError(f"{name}: no such file")
    if isinstance(error, IsADirectoryError):
        return UserError(f"{name}: a folder, not an image")
    if isinstance(error, UnidentifiedImageError):
        return UserError(f"{name}: not a readable image (of no format that is known here)")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return UserError(f"{name}: not a readable image ({reason})")
