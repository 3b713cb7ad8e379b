"""Kinds of pixels that a decoder may pass on as others: each is read as what it means, or refused."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dgnet.core.errors import UserError
from dgnet.core.images import read_image

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2


def png(bits: int, color_type: int, pixels: bytes, transparent: bytes) -> bytes:
    """Two pixels in a row, and which value is transparent."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 2, 1, bits, color_type, 0, 0, 0)
    parts = (b"IHDR", head), (b"tRNS", transparent), (b"IDAT", zlib.compress(b"\0" + pixels)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def tiff(bits: int, photometric: int, planes: list[bytes], *, bands: int = 1, signed: bool = False) -> bytes:
    """Two pixels in a row, in one plane or in one for each color."""
    counts, place = [len(plane) for plane in planes], 400
    starts = [place + sum(counts[:number]) for number in range(len(planes))]
    tags = {256: [2], 257: [1], 258: [bits] * bands, 259: [1], 262: [photometric], 273: starts, 277: [bands], 278: [1]}
    tags |= {279: counts, 284: [2 if len(planes) > 1 else 1], 339: [2 if signed else 1] * bands}
    entries, more, behind = b"", b"", 8 + 2 + 12 * len(tags) + 4
    for tag, values in sorted(tags.items()):
        data = struct.pack(f"<{len(values)}H", *values)
        if len(data) > 4:
            more, data = more + data, struct.pack("<I", behind + len(more))
        entries += struct.pack("<HHI", tag, 3, len(values)) + data.ljust(4, b"\0")
    return (b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + more).ljust(place, b"\0") + b"".join(
        planes
    )


def bitmap(alpha: tuple[int, int]) -> bytes:
    """Two orange pixels in a row, and what the fourth byte of each says, which the head calls alpha."""
    pixels = b"".join(bytes([10, 20, 200, value]) for value in alpha)
    head = struct.pack("<IiiHHIIiiII", 108, 2, 1, 1, 32, 3, len(pixels), 0, 0, 0, 0)
    head = (head + struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)).ljust(108, b"\0")
    return b"BM" + struct.pack("<IHHI", 14 + len(head + pixels), 0, 0, 14 + len(head)) + head + pixels


def row(path: Path, content: bytes) -> list[list[int]]:
    path.write_bytes(content)
    pixels: list[list[int]] = read_image(path)[:, 0].T.tolist()
    return pixels


def test_a_bitmap_whose_fourth_byte_is_padding_shows_its_colors(tmp_path: Path) -> None:
    assert row(tmp_path / "padding.bmp", bitmap((0, 0))) == [[200, 20, 10]] * 2
    assert row(tmp_path / "alpha.bmp", bitmap((0, 255))) == [[255, 255, 255], [200, 20, 10]]


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_transparent_gray_shows_white_whatever_its_bits(bits: int, tmp_path: Path) -> None:
    top = 2**bits - 1
    for transparent in {0, 1, top // 2, top}:
        other = 1 if transparent == 0 else 0
        if bits >= 8:
            pixels = struct.pack(">HH" if bits == 16 else ">BB", transparent, other)
        else:
            pixels = bytes([transparent << 8 - bits | other << 8 - 2 * bits])
        gray = round(255 * other / top)
        seen = row(tmp_path / "gray.png", png(bits, 0, pixels, struct.pack(">H", transparent)))
        assert seen == [[255] * 3, [gray] * 3], transparent


def test_a_gray_of_16_bits_is_transparent_to_its_last_bit(tmp_path: Path) -> None:
    content = png(16, 0, struct.pack(">HH", 0x1234, 0x1235), struct.pack(">H", 0x1234))
    assert row(tmp_path / "gray.png", content) == [[255] * 3, [18] * 3]


def test_one_transparent_color_shows_white_or_is_refused(tmp_path: Path) -> None:
    transparent = struct.pack(">HHH", 10, 20, 30)
    content = png(8, 2, bytes([10, 20, 30, 40, 50, 60]), transparent)
    assert row(tmp_path / "color.png", content) == [[255] * 3, [40, 50, 60]]
    with pytest.raises(UserError, match=r"color\.png: 16 bits a color with one transparent color are not read"):
        row(tmp_path / "color.png", png(16, 2, struct.pack(">6H", 10, 20, 30, 10 << 8, 20 << 8, 30 << 8), transparent))


@pytest.mark.parametrize("bits", [8, 16])
def test_white_may_be_zero(bits: int, tmp_path: Path) -> None:
    values = struct.pack("<2H" if bits == 16 else "<2B", 0, 2**bits - 1)
    assert row(tmp_path / "gray.tif", tiff(bits, WHITE_IS_ZERO, [values])) == [[255] * 3, [0] * 3]
    assert row(tmp_path / "gray.tif", tiff(bits, BLACK_IS_ZERO, [values])) == [[0] * 3, [255] * 3]


def test_planes_of_colors(tmp_path: Path) -> None:
    planes = [bytes([10, 40]), bytes([20, 50]), bytes([30, 60])]
    assert row(tmp_path / "color.tif", tiff(8, RGB, planes, bands=3)) == [[10, 20, 30], [40, 50, 60]]
    wide = [struct.pack("<2H", *(value * 257 for value in plane)) for plane in planes]
    pixels = b"".join(plane[:2] for plane in wide) + b"".join(plane[2:] for plane in wide)
    assert row(tmp_path / "color.tif", tiff(16, RGB, [pixels], bands=3)) == [[10, 20, 30], [40, 50, 60]]
    with pytest.raises(UserError, match=r"color\.tif: 16 bits with a plane for each color are not read"):
        row(tmp_path / "color.tif", tiff(16, RGB, wide, bands=3))


def test_signed_numbers_are_refused(tmp_path: Path) -> None:
    for bits, form in ((8, "<2b"), (16, "<2h")):
        with pytest.raises(UserError, match=r"gray\.tif: pixels must be 8- or 16-bit numbers"):
            row(tmp_path / "gray.tif", tiff(bits, BLACK_IS_ZERO, [struct.pack(form, -5, 100)], signed=True))


@pytest.mark.parametrize("kind", ["AVIF", "QOI"])
def test_damage_in_any_format_is_one_sentence(kind: str, tmp_path: Path) -> None:
    """A file may hold another format than its ending says: Pillow raises errors of many kinds."""
    stored, noise = io.BytesIO(), np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    image = Image.fromarray(noise)
    try:
        image.save(stored, kind)
    except (KeyError, OSError):
        pytest.skip(f"Pillow writes no {kind} here")
    path = tmp_path / "photograph.jpg"
    step = max(1, len(stored.getvalue()) // 40)
    for place in range(0, len(stored.getvalue()), step):
        content = bytearray(stored.getvalue())
        content[place] ^= 0xFF
        for damaged in (content, content[:place]):
            path.write_bytes(damaged)
            try:
                read_image(path)
            except UserError as error:
                assert str(path) in str(error)
