"""Pictures as files: the ending of the file's name says the format."""

import io
import time
from pathlib import Path
from typing import Any

from PIL import Image

from dgnet.core.errors import UserError
from visual.drawing.grid import Picture, png

_UNDATED = {"creationDate": time.gmtime(0), "modDate": time.gmtime(0)}  # the same picture makes the same file
# Ending -> Pillow's name of the format, and how it is written.
_FORMATS: dict[str, tuple[str, dict[str, Any]]] = {
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"lossless": True}),
    ".pdf": ("PDF", {"resolution": 150.0, "quality": 95, **_UNDATED}),
}
ENDINGS = (".png", *_FORMATS)


def picture_file(path: Path) -> Path:
    """The path of a picture: with `.png` where it has no ending. `UserError` for an ending that is not in `ENDINGS`."""
    require_ending(path)
    return path if path.suffix else path.with_name(f"{path.name}.png")


def require_ending(path: Path, also: tuple[str, ...] = ()) -> None:
    """`UserError` for a file's name with an ending that is neither in `ENDINGS` nor in `also`; none is allowed, too."""
    if path.suffix and path.suffix.lower() not in (*ENDINGS, *also):
        raise UserError(f"must end in {', '.join((*ENDINGS, *also))} or have no ending (.png), got {str(path)!r}")


def encoded(picture: Picture, ending: str) -> bytes:
    """uint8 `[height, width, 3]` as the bytes of a file with this ending, one of `ENDINGS`.

    Raises:
        UserError: the format holds no picture of that size.
    """
    if ending.lower() == ".png":
        return png(picture)
    kind, options = _FORMATS[ending.lower()]
    target = io.BytesIO()
    try:
        Image.fromarray(picture).save(target, format=kind, **options)
    except (OSError, ValueError) as error:
        height, width = picture.shape[:2]
        raise UserError(
            f"a picture of {width}x{height} pixels cannot be a {ending} file ({error}); use .png"
        ) from error
    return target.getvalue()
