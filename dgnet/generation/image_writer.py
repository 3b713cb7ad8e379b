"""Writes image files on threads while the networks run; no file is overwritten, none is left incomplete."""

import hashlib
import io
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from dgnet.core.errors import UserError

# Half the time of zlib's default 6, for files a hundredth larger.
PNG_LEVEL = 4
Encode = Callable[[UInt8[Tensor, "3 height width"]], bytes]


def image_encoder(jpeg_quality: int | None) -> Encode:
    """Image -> the bytes of its file: PNG (lossless), or JPEG of a quality 1..100 without chroma subsampling."""
    if jpeg_quality is not None and not 1 <= jpeg_quality <= 100:
        raise UserError(f"the JPEG quality must be 1 to 100, got {jpeg_quality}")

    def encode(image: UInt8[Tensor, "3 height width"]) -> bytes:
        buffer = io.BytesIO()
        picture = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
        if jpeg_quality is None:
            picture.save(buffer, "PNG", compress_level=PNG_LEVEL)
        else:
            picture.save(buffer, "JPEG", quality=jpeg_quality, subsampling=0)
        return buffer.getvalue()

    return encode


def write_new(path: Path, content: bytes) -> str:
    """Write a new file, completely or not at all, and return its SHA-256.

    A file with the same content may exist already, from an interrupted process. `UserError` where its content differs,
    the disk is full or the folder cannot be written to.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        if path.exists():
            if path.read_bytes() != content:
                raise UserError(f"{path} already exists with other content, and nothing is overwritten")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(content)
            partial.rename(path)
    except OSError as error:
        if partial.exists():
            partial.unlink()
        raise UserError(f"{path}: cannot be written ({error.strerror or error}); complete files are kept") from error
    return hashlib.sha256(content).hexdigest()


class ImageWriter:
    """Encodes and writes on `threads` threads; `UserError`s of a file come with its future's result."""

    def __init__(self, jpeg_quality: int | None, threads: int) -> None:
        self._encode = image_encoder(jpeg_quality)
        self._pool = ThreadPoolExecutor(threads)

    def write(self, path: Path, image: UInt8[Tensor, "3 height width"]) -> Future[str]:
        """Start writing an image; the future holds the SHA-256 of its file."""
        return self._pool.submit(lambda: write_new(path, self._encode(image)))

    def __enter__(self) -> "ImageWriter":
        return self

    def __exit__(self, *_: object) -> None:
        """Wait until all files are written."""
        self._pool.shutdown()
