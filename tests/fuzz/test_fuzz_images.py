"""Image files of every mode, size, orientation and format have the pixels that were stored; damage is no picture."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import ExifTags, Image

from dgnet.core.images import EXTENSIONS, image_size, read_image
from tests.fuzz.cases import Refusal, attempt, folder, reading, refusal

pytestmark = pytest.mark.slow

CHANNELS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
# Formats without loss -> the modes that they store. 16 is gray of 16 bits.
MODES = {
    "png": ("L", "LA", "RGB", "RGBA", "16", "1"),
    "tiff": ("L", "LA", "RGB", "RGBA", "16", "1"),
    "bmp": ("L", "RGB", "1"),
    "ppm": ("L", "RGB", "16", "1"),
    "webp": ("RGB", "RGBA"),
}
WITH_EXIF = ("png", "tiff", "webp")


@st.composite
def stored_images(draw: st.DrawFn) -> tuple[bytes, np.ndarray, np.ndarray]:
    """A file's bytes, the pixels in it, and the upright RGB that a reader must see."""
    kind = draw(st.sampled_from(list(MODES)))
    mode = draw(st.sampled_from(MODES[kind]))
    height, width = draw(st.tuples(st.integers(1, 20), st.integers(1, 20)))
    if mode == "16":
        values = draw(arrays.arrays(np.uint16, (height, width)))
        image, seen = Image.fromarray(values), np.stack([np.round(values / 257).astype(np.uint8)] * 3, axis=2)
    elif mode == "1":
        values = draw(arrays.arrays(np.bool_, (height, width)))
        image, seen = Image.fromarray(values), np.stack([values.astype(np.uint8) * 255] * 3, axis=2)
    else:
        values = draw(arrays.arrays(np.uint8, (height, width, CHANNELS[mode])))
        image, seen = Image.fromarray(values.squeeze(2) if mode == "L" else values), on_white(values)
    options: dict = {"lossless": True, "exact": True} if kind == "webp" else {}
    if kind in WITH_EXIF:
        orientation = draw(st.integers(0, 9))
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        options["exif"] = exif
        seen = upright(seen, orientation)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue(), values, seen


def on_white(values: np.ndarray) -> np.ndarray:
    """Gray or color, perhaps with opacity as the last channel, in front of white."""
    color = values[..., : 1 if values.shape[2] < 3 else 3].astype(np.float64)
    opacity = values[..., -1:] / 255 if values.shape[2] in (2, 4) else 1.0
    return np.broadcast_to(np.round(color * opacity + 255 * (1 - opacity)), (*values.shape[:2], 3)).astype(np.uint8)


def upright(stored: np.ndarray, orientation: int) -> np.ndarray:
    """EXIF says on which sides of the picture the first row and the first column of the file are."""
    if orientation in (5, 6, 7, 8):
        stored = stored.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        stored = stored[:, ::-1]
    return stored[::-1] if orientation in (3, 4, 7, 8) else stored


def pixels(path: Path, content: bytes) -> np.ndarray:
    path.write_bytes(content)
    return read_image(path).permute(1, 2, 0).numpy()


@given(stored_images(), st.sampled_from(EXTENSIONS))
def test_the_pixels_are_those_that_were_stored(stored: tuple[bytes, np.ndarray, np.ndarray], ending: str) -> None:
    """Whatever ending the file has: the content says what it is."""
    content, values, seen = stored
    with folder() as root:
        image = reading(lambda: pixels(root / f"image{ending}", content))
        assert image.dtype == np.uint8 and image.shape == seen.shape
        # Opacity is rounded twice.
        assert np.abs(image.astype(int) - seen).max() <= (1 if values.ndim == 3 and values.shape[2] in (2, 4) else 0)
        assert sorted(image_size(root / f"image{ending}")) == sorted(values.shape[:2])


@given(stored_images(), st.floats(0, 1, exclude_max=True))
def test_what_is_cut_off_is_refused_unless_every_pixel_is_there(
    stored: tuple[bytes, np.ndarray, np.ndarray], part: float
) -> None:
    content, _, _ = stored
    with folder() as root:
        whole = pixels(root / "whole.png", content)
        cut = attempt(lambda: pixels(root / "cut.png", content[: int(part * len(content))]))
        if isinstance(cut, Refusal):
            assert cut.startswith(f"{root}/cut.png: ")
        else:
            # The orientation may stand behind the pixels.
            assert sorted(cut.reshape(-1, 3).tolist()) == sorted(whole.reshape(-1, 3).tolist())


@given(st.integers(8, 64), st.integers(8, 64), st.integers(0, 2**32 - 1), st.floats(0.05, 0.9))
def test_half_a_jpeg_is_no_picture(height: int, width: int, seed: int, part: float) -> None:
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(values).save(file, "jpeg", quality=95)
    content = file.getvalue()
    with folder() as root:
        assert f"{root}/cut.jpg" in refusal(lambda: pixels(root / "cut.jpg", content[: int(part * len(content))]))


@given(stored_images(), st.data())
def test_changed_bytes_are_a_picture_or_refused(
    stored: tuple[bytes, np.ndarray, np.ndarray], data: st.DataObject
) -> None:
    """Nothing more: Pillow does not compare the checksums of a PNG's pixels, and other formats have none."""
    content = bytearray(stored[0])
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with folder() as root:
        image = attempt(lambda: pixels(root / "image.png", bytes(content)))
        if isinstance(image, Refusal):
            assert image.startswith(f"{root}/image.png: ")
        else:
            assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3


@given(
    st.binary(max_size=200), st.sampled_from([b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"II*\0", b"BM", b"P5 "])
)
def test_any_bytes_are_refused_or_a_picture(content: bytes, head: bytes) -> None:
    with folder() as root:
        image = attempt(lambda: pixels(root / "image.jpg", head + content))
        if isinstance(image, Refusal):
            assert image.startswith(f"{root}/image.jpg: ")
        else:
            assert image.dtype == np.uint8 and image.ndim == 3 and image.size > 0


@given(arrays.arrays(np.int32, (3, 3), elements=st.integers(-(2**31), 2**31 - 1)), st.booleans())
def test_wide_numbers_are_read_where_they_are_16_bits(values: np.ndarray, fits: bool) -> None:
    values = values % 65536 if fits else values
    file = io.BytesIO()
    Image.fromarray(values).save(file, "tiff")
    with folder() as root:
        image = attempt(lambda: pixels(root / "wide.tif", file.getvalue()))
        if values.min() < 0 or values.max() > 65535:
            assert str(values.min()) in image and str(values.max()) in image
        else:
            assert (image == np.round(values / 257)[..., None]).all()
