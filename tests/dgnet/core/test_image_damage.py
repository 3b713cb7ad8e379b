"""Zeros and changed bytes in files that decode all the same."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dgnet.core.errors import UserError
from dgnet.core.images import read_image
from tests.messages import mentions


def encoded(image: Image.Image, kind: str = "JPEG", **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def photograph(height: int = 128, width: int = 64) -> Image.Image:
    draw = np.random.default_rng(0)
    coarse = Image.fromarray(draw.integers(0, 256, (height // 8, width // 8, 3), np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(int)
    return Image.fromarray((smooth + draw.integers(-8, 9, smooth.shape)).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    "options",
    [{}, {"quality": 95}, {"optimize": True}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_blocks": 4}],
)
@pytest.mark.parametrize("begin", [0.3, 0.6])
def test_zeros_within_a_jpeg_are_damage(options: dict[str, Any], begin: float, tmp_path: Path) -> None:
    """Half of a person was gray, without a word."""
    path, content = tmp_path / "person.jpg", encoded(photograph(), **{"quality": 90, **options})
    path.write_bytes(content)
    read_image(path)
    start = int(begin * len(content))
    path.write_bytes(content[:start] + bytes(512) + content[start + 512 :])
    with pytest.raises(UserError, match=mentions(path)):
        read_image(path)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("size", [(1, 1), (17, 9), (64, 128), (500, 333)])
@pytest.mark.parametrize("gray", [0, 127, 128, 255])
def test_images_of_one_color_are_no_damage(mode: str, size: tuple[int, int], gray: int, tmp_path: Path) -> None:
    """Of these a file has as many zeros in a row as of any."""
    path = tmp_path / "plain.jpg"
    for options in ({"optimize": True}, {"progressive": True}, {"optimize": True, "quality": 1, "subsampling": 0}):
        path.write_bytes(encoded(Image.new(mode, size, gray if mode == "L" else (gray,) * len(mode)), **options))
        assert read_image(path).shape[1:] == size[::-1]


def test_zeros_beside_the_pixels_are_no_damage(tmp_path: Path) -> None:
    """In a segment in front of them, which may hold a small image with a scan of its own, and behind the end."""
    path, content = tmp_path / "person.jpg", encoded(photograph())
    inside = encoded(photograph(32, 16)) + bytes(2000)
    segment = b"\xff\xe5" + (len(inside) + 2).to_bytes(2, "big") + inside
    for whole in (content[:2] + segment + content[2:], content + bytes(4096), content[:2] + b"\xff" + content[2:]):
        path.write_bytes(whole)
        assert np.array_equal(read_image(path).permute(1, 2, 0), np.asarray(Image.open(io.BytesIO(content))))


def test_pixels_of_a_png_have_their_checksum(tmp_path: Path) -> None:
    """Pillow does not compare the checksums of chunks when it decodes, and stops where the pixels are full."""
    path, content = tmp_path / "person.png", encoded(photograph(), "PNG", compress_level=0)
    path.write_bytes(content)
    read_image(path)
    place = content.index(b"IEND") - 8  # the checksum of the pixels, 4 bytes, and the length of the end, 4 bytes
    changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
    for damaged in (changed, content[: len(content) // 2] + bytes(len(content) - len(content) // 2)):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=mentions(path)):
            read_image(path)


@pytest.mark.parametrize("ending", ["tif", "gif", "webp", "png"])
def test_a_file_of_several_images_is_refused(ending: str, tmp_path: Path) -> None:
    """The first was read, the others were passed over without a word."""
    first, *others = (Image.new("RGB", (8, 16), color) for color in ("red", "green", "blue"))
    first.save(tmp_path / f"x.{ending}", save_all=True, append_images=others)
    with pytest.raises(UserError, match=mentions(f"x.{ending}", "3 images")):
        read_image(tmp_path / f"x.{ending}")
    first.save(tmp_path / f"one.{ending}", save_all=True)
    assert read_image(tmp_path / f"one.{ending}").shape == (3, 16, 8)


def test_smaller_copies_in_a_tiff_file_and_images_of_cameras_are_no_further_images(tmp_path: Path) -> None:
    first, thumbnail = Image.new("RGB", (8, 16), "red"), Image.new("RGB", (4, 8), "red")
    thumbnail.encoderinfo = {"tiffinfo": {254: 1}}
    first.save(tmp_path / "x.tif", save_all=True, append_images=[thumbnail])
    first.save(tmp_path / "x.jpg", "MPO", save_all=True, append_images=[thumbnail])
    for name in ("x.tif", "x.jpg"):
        assert read_image(tmp_path / name).shape == (3, 16, 8)
