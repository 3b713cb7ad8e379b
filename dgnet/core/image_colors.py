"""What the pixels of a decoded file mean: upright or not, as RGB of 8 bits on a background."""

import numpy as np
from PIL import Image, TiffTags

from dgnet.core.errors import UserError

BACKGROUND = "white"
_SIXTEEN_BITS = ("I", "I;16", "I;16B", "I;16L", "I;16N")
_TAGS = {tag.name: number for number, tag in TiffTags.TAGS_V2.items()}
_WHITE_IS_ZERO, _SEPARATE_PLANES, _SIGNED = 0, 2, 2


def rgb_of(image: Image.Image, content: bytes, name: str) -> Image.Image:
    """The image in the mode RGB: 16 bits are scaled to 8, what is transparent shows `BACKGROUND`.

    Args:
        image: what Pillow opened.
        content: the bytes of its file.
        name: what an error calls the file.

    Raises:
        UserError: its pixels are no 8- or 16-bit numbers, or Pillow does not read pixels of their kind rightly.
    """
    image.load()
    white_is_zero = _require_plain_tiff(image, name)
    transparent = _transparent_value(image, content, name)
    if image.mode in _SIXTEEN_BITS:
        values = np.asarray(image).astype(np.int64)
        if values.min() < 0 or values.max() > 65535:
            raise UserError(f"{name}: pixels must be 8- or 16-bit numbers, this has {values.min()} to {values.max()}")
        if white_is_zero:
            values = 65535 - values
        if transparent is not None:
            values = np.where(values == transparent, 65535, values)
        return Image.fromarray(((values + 128) // 257).astype(np.uint8)).convert("RGB")
    if image.mode == "F":
        raise UserError(f"{name}: pixels must be 8- or 16-bit numbers, these are floating point")
    if transparent is not None:
        image.info["transparency"] = transparent
    if image.format == "BMP" and image.mode == "RGBA" and not np.asarray(image)[..., 3].any():
        # The fourth byte of a bitmap's pixels is often padding, whatever the head calls it: a bitmap of which nothing
        # could be seen shows its colors.
        return image.convert("RGB")
    if image.has_transparency_data:
        background = Image.new("RGBA", image.size, BACKGROUND)
        return Image.alpha_composite(background, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _transparent_value(image: Image.Image, content: bytes, name: str) -> int | None:
    """The one gray value of a PNG that is transparent, as Pillow's pixels have it; None where there is none.

    A PNG counts it in its own bits, of which Pillow makes 8. Of colors of 16 bits it leaves the upper 8, which do not
    tell whether a color is the transparent one.
    """
    value = image.info.get("transparency")
    if image.format != "PNG" or isinstance(value, (bytes, type(None))):
        return None
    bits = content[24]  # behind the signature, the head of the first chunk, width and height
    if isinstance(value, tuple):
        if bits == 16:
            raise UserError(f"{name}: 16 bits a color with one transparent color are not read; save it with 8 bits")
        return None
    return value * 255 // (2**bits - 1) if bits in (2, 4) else value


def _require_plain_tiff(image: Image.Image, name: str) -> bool:
    """Whether the values of a TIFF of 16 bits are darker the larger they are, which Pillow does not undo.

    `UserError` for values that Pillow reads as others: signed ones of 8 bits, and 16 bits in a plane for each color.
    """
    tags = getattr(image, "tag_v2", None)
    if image.format != "TIFF" or tags is None:
        return False
    bits = max(tags.get(_TAGS["BitsPerSample"], (1,)))
    if _SIGNED in tags.get(_TAGS["SampleFormat"], ()) and bits <= 8:
        raise UserError(f"{name}: pixels must be 8- or 16-bit numbers from 0 on, these are signed")
    if tags.get(_TAGS["PlanarConfiguration"]) == _SEPARATE_PLANES and bits > 8 and len(image.getbands()) > 1:
        raise UserError(f"{name}: 16 bits with a plane for each color are not read; save it with 8 bits, or as PNG")
    return tags.get(_TAGS["PhotometricInterpretation"]) == _WHITE_IS_ZERO
