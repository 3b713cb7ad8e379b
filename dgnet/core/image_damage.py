"""What decoders pass over in image files: a PNG's checksums, zeros in the middle of a JPEG, further images."""

import io
import struct

from PIL import Image

# What Pillow raises for damaged files, depending on the format and on where the damage is.
DECODING_ERRORS = (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError, struct.error,
                   RuntimeError, LookupError, ArithmeticError, TypeError)  # fmt: skip
_WITH_FRAMES = ("TIFF", "GIF", "WEBP", "PNG", "AVIF")
_SUBFILE_TYPE, _NO_PAGE = 254, 0b101  # of TIFF: a page of reduced size, or a transparency mask
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, b"\xff\xd9"


def damage_in(content: bytes, image: Image.Image) -> str | None:
    """What is wrong in the bytes of a file that decoded to `image`, as the end of a sentence; None where nothing is.

    A copy that broke off, or a failing disk, leaves zeros where bytes were. TIFF, BMP, PPM and WebP have nothing by
    which zeros could be told from an image.
    """
    if image.format == "PNG":
        return _wrong_checksum(content)
    return _zeros_in_jpeg(content, image) if image.format in ("JPEG", "MPO") else None


def further_images(image: Image.Image) -> int:
    """How many further images an opened file holds: frames of an animation, pages of a TIFF file that are no smaller
    copies or masks. Those that cameras put beside a photograph (MPO) do not count.
    """
    frames = getattr(image, "n_frames", 1) if image.format in _WITH_FRAMES else 1
    if image.format != "TIFF" or frames == 1:
        return frames - 1
    pages = 0
    for frame in range(frames):
        image.seek(frame)
        pages += not int(image.tag_v2.get(_SUBFILE_TYPE, 0)) & _NO_PAGE  # type: ignore[attr-defined]
    image.seek(0)
    return pages - 1


def _wrong_checksum(content: bytes) -> str | None:
    """Pillow compares the checksums only in `verify`."""
    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            image.verify()
    except DECODING_ERRORS as error:
        return f"its pixels were changed or damaged ({error})"
    return None


def _zeros_in_jpeg(content: bytes, image: Image.Image) -> str | None:
    """More zeros in a row than an image of one color has.

    Of such a block of 8x8 values a file says "as before" and "nothing else", each by 1 bit, a 0, where the code was
    optimized for this image. So 2 bits a block are the most; of other blocks more, and not all of them 0.
    """
    layers = getattr(image, "layer", ())  # (number, horizontal samples, vertical samples, table) of each component
    most = max((across * down for _, across, down, *_ in layers), default=1)
    share = sum(across * down for _, across, down, *_ in layers) / most
    blocks = (image.width // 8 + 2) * (image.height // 8 + 2) * share
    longest = int(2 * blocks / 8) + 16
    # Zeros in front of the pixels, and behind the end, are those of other data. No end within the pixels: FF is FF 00.
    begin = _scan_of(content)
    end = content.find(_END_OF_IMAGE, begin)
    place = content.find(bytes(longest), begin, end if end != -1 else len(content))
    if place == -1:
        return None
    return f"its pixels are damaged: at least {longest} zeros from byte {place} on, as a copy leaves that broke off"


def _scan_of(content: bytes) -> int:
    """Where the pixels of a JPEG begin: behind the segments FF, kind, length (2 bytes with these), which may hold a
    small image of their own."""
    place = content.find(b"\xff\xd8") + 2
    while place + 4 <= len(content) and content[place + 1] != _START_OF_SCAN:
        fill = content[place + 1] == 0xFF
        place += 1 if fill else 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    return place
