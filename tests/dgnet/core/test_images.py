"""Image files of every kind become upright RGB of 8 bits; what is no image is refused by name."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from dgnet.core.errors import UserError
from dgnet.core.images import image_files, image_size, read_image
from tests.eval.images.small_files import picture, write
from tests.messages import mentions

COLOR = picture(1)


def pixels_of(path: Path) -> np.ndarray:
    return read_image(path).permute(1, 2, 0).numpy()


def test_what_is_read_is_rgb_channels_first(tmp_path: Path) -> None:
    image = read_image(write(tmp_path / "image.png", COLOR))
    assert image.dtype == torch.uint8 and image.shape == (3, 40, 20)
    assert torch.equal(image, torch.from_numpy(COLOR).permute(2, 0, 1))
    assert image_size(tmp_path / "image.png") == (40, 20)


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("L", "png"), ("P", "png"), ("1", "png"), ("CMYK", "jpg"), ("CMYK", "tif"), ("YCbCr", "jpg"), ("LAB", "tif")],
)
def test_every_mode_becomes_color_as_pillow_converts_it(mode: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"image.{suffix}"
    if mode == "LAB":
        Image.fromarray(COLOR, "LAB").save(path)
    else:
        Image.fromarray(COLOR).convert(mode).save(path)
    expected = np.array(Image.open(path).convert("RGB"))
    assert np.array_equal(pixels_of(path), expected) and expected.shape == (40, 20, 3)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_an_image_stands_upright(orientation: int, suffix: str, tmp_path: Path) -> None:
    # What a camera stores so that the viewer's turn gives COLOR; EXIF: where row 0 and column 0 of the file are.
    stored = {
        1: COLOR, 2: COLOR[:, ::-1], 3: COLOR[::-1, ::-1], 4: COLOR[::-1],
        5: COLOR.transpose(1, 0, 2), 6: np.rot90(COLOR), 7: COLOR[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(COLOR, 3),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    path = tmp_path / f"image.{suffix}"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)
    assert np.array_equal(pixels_of(path), COLOR)


def test_damaged_exif_data_leave_an_image_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "image.png"
    Image.fromarray(COLOR).save(path, exif=b"Exif\x00\x00MM\x00*\x00\x00\x00\x08\xff\xff\x01\x12")
    assert np.array_equal(pixels_of(path), COLOR)


def test_sixteen_bits_are_scaled_to_eight(tmp_path: Path) -> None:
    values = np.linspace(0, 65535, 40 * 20).round().astype(np.uint16).reshape(40, 20)
    expected = (values / 65535 * 255).round().astype(np.uint8)
    for suffix in ("png", "tif", "pgm"):
        Image.fromarray(values).save(tmp_path / f"gray.{suffix}")
        assert np.array_equal(pixels_of(tmp_path / f"gray.{suffix}"), np.stack([expected] * 3, axis=2))
    Image.fromarray(values.astype(np.int32) * 7).save(tmp_path / "wide.tif")
    Image.fromarray(values.astype(np.float32)).save(tmp_path / "float.tif")
    for name in ("wide.tif", "float.tif"):
        with pytest.raises(UserError, match=f"{name}: pixels must be 8- or 16-bit numbers"):
            read_image(tmp_path / name)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_shows_white(mode: str, tmp_path: Path) -> None:
    image = Image.fromarray(COLOR).convert("RGBA")
    alpha = np.full((40, 20), 255, np.uint8)
    alpha[:20] = 0
    image.putalpha(Image.fromarray(alpha))
    path = tmp_path / "image.png"
    if mode == "P":
        image = Image.fromarray(COLOR).convert("P")
        image.info["transparency"] = image.getpixel((0, 0))
        image.save(path, transparency=image.getpixel((0, 0)))
        assert pixels_of(path)[0, 0].tolist() == [255, 255, 255]
        return
    image.convert(mode).save(path)
    assert (pixels_of(path)[:20] == 255).all()
    # What is opaque keeps its color to the last bit.
    opaque = Image.fromarray(COLOR).convert("L").convert("RGB") if mode == "LA" else Image.fromarray(COLOR)
    assert np.array_equal(pixels_of(path)[20:], np.array(opaque)[20:])


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "webp", "tif"])
def test_what_is_no_image_is_named(tmp_path: Path, suffix: str) -> None:
    good = write(tmp_path / f"good.{suffix}", picture(0, 128, 64))
    truncated, empty, text = (tmp_path / f"{name}.{suffix}" for name in ("truncated", "empty", "text"))
    truncated.write_bytes(good.read_bytes()[: good.stat().st_size // 2])
    empty.touch()
    text.write_text("not an image")
    for bad in (truncated, empty, text):
        with pytest.raises(UserError, match=f"^{bad}: not a readable image"):
            read_image(bad)
    with pytest.raises(UserError, match=r"^the file: not a readable image \([^/]*\)$"):
        read_image(text, name="the file")
    with pytest.raises(UserError, match="not a readable image"):
        image_size(text)


def test_formats_that_were_not_asked_for_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "image.bmp", COLOR)
    assert read_image(path, formats=("BMP",)).shape == (3, 40, 20)
    with pytest.raises(UserError, match="not a readable image"):
        read_image(path, formats=("PNG", "JPEG"))


def test_any_nesting_and_format_in_the_order_of_paths(tmp_path: Path) -> None:
    names = ["b.png", "a/z/deep.JPG", "a/0.bmp", "a/1.tif", "c.webp"]
    for number, name in enumerate(names):
        write(tmp_path / name, picture(number))
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden.png").write_text("no image")
    paths = [path.relative_to(tmp_path).as_posix() for path in image_files(tmp_path)]
    assert paths == ["a/0.bmp", "a/1.tif", "a/z/deep.JPG", "b.png", "c.webp"]


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere: no such folder of images"):
        image_files(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty: no image in it or below it"):
        image_files(tmp_path / "empty")


@pytest.mark.parametrize("mode", ["L", "RGBA", "I;16"])
def test_an_uncompressed_tiff_stands_upright(mode: str, tmp_path: Path) -> None:
    """Pillow maps such a file into memory where it is opened by its path."""
    values = np.arange(24, dtype=np.uint16 if mode == "I;16" else np.uint8).reshape(4, 6)
    values = values * 257 if mode == "I;16" else values
    image = Image.fromarray(values) if mode != "RGBA" else Image.fromarray(values).convert("RGBA")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    image.save(tmp_path / "side.tif", exif=exif)
    assert read_image(tmp_path / "side.tif")[0, 0].tolist() == [18, 12, 6, 0]


def test_what_is_not_there_is_called_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=mentions(tmp_path / "x.png", "no such file")):
        read_image(tmp_path / "x.png")
    with pytest.raises(UserError, match=mentions(tmp_path, "folder")):
        read_image(tmp_path)
