"""Pictures of pictures: grids of images with frames and labels, and the grid of swaps. Arrays in, arrays out."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from dgnet.core.errors import UserError
from dgnet.core.files import replacing
from dgnet.core.image_arrays import check_unmasked

Color = tuple[int, int, int]
# Of another size than the images on it, so its sides have no names of their own.
Picture = UInt8[np.ndarray, "_ _ 3"]

WHITE, INK = (255, 255, 255), (60, 64, 72)
REAL, TRUTH = (150, 156, 168), (52, 138, 88)  # frames: an image that went in, and the true swap
_FRAME = 2  # pixels
_TEXT = 17  # pixels
_CAPTION = 13  # pixels
_MARGIN = 8  # pixels


@dataclass(frozen=True)
class Tile:
    """One cell: an image (uint8, NumPy `[height, width, 3]` or torch `[3, height, width]`), framed or not; a text,
    below the image if there is one; or nothing."""

    image: np.ndarray | Tensor | None = None
    frame: Color | None = None
    text: str = ""


def grid(tiles: Sequence[Sequence[Tile]], *, gaps: Sequence[int] | None = None, scale: int = 1) -> Picture:
    """Rows of tiles on white, uint8 `[height, width, 3]`.

    All images have one size, which is enlarged `scale` times; all rows have as many tiles. `gaps` are the white pixels
    to the left of each column (8 by default). `UserError` for anything else.
    """
    columns = _checked_columns(tiles)
    height, width = _one_size([tile.image for row in tiles for tile in row if tile.image is not None])
    if scale < 1:
        raise UserError(f"scale must be a whole number from 1, got {scale}")
    gaps = [_MARGIN] * columns if gaps is None else list(gaps)
    if len(gaps) != columns:
        raise UserError(f"gaps must hold one number for each of {columns} columns, got {len(gaps)}")
    cell_height, cell_width = height * scale + 2 * _FRAME, width * scale + 2 * _FRAME
    lefts = [sum(gaps[: column + 1]) + column * cell_width for column in range(columns)]
    heights = [_row_height(row, cell_height) for row in tiles]
    tops = [_MARGIN + sum(heights[:row]) + _MARGIN * row for row in range(len(tiles))]
    canvas = Image.new("RGB", (lefts[-1] + cell_width + _MARGIN, tops[-1] + heights[-1] + _MARGIN), WHITE)
    draw = ImageDraw.Draw(canvas)
    for top, row_height, line in zip(tops, heights, tiles, strict=True):
        for left, tile in zip(lefts, line, strict=True):
            bottom = top + (row_height if tile.image is None else cell_height) - 1
            box = (left, top, left + cell_width - 1, bottom)
            if tile.image is not None:
                if tile.frame is not None:
                    draw.rectangle(box, outline=tile.frame, width=_FRAME)
                canvas.paste(_enlarged(tile.image, scale), (left + _FRAME, top + _FRAME))
                below = (left, top + cell_height, left + cell_width - 1, top + cell_height + _CAPTION)
                _write(draw, tile.text, below, _CAPTION)
            else:
                _write(draw, tile.text, box)
    return np.asarray(canvas)


def swap_grid(
    appearances: np.ndarray | Tensor,
    structures: np.ndarray | Tensor,
    swapped: np.ndarray | Tensor,
    truths: Mapping[int, np.ndarray | Tensor] | None = None,
    *,
    scale: int = 2,
) -> Picture:
    """A grid of swaps: each row has the appearance of its first image, each column the structure of its first image.

    Args:
        appearances, structures: `[row, ...]` and `[column, ...]`, framed in gray. All images are uint8 of one size,
            NumPy `[..., height, width, 3]` or torch `[..., 3, height, width]`.
        swapped: `[row, column, ...]`, as `LoadedGenerator.swap_all` gives them.
        truths: column -> its true swaps `[row, ...]`, to the right of the generated ones, framed in green.
        scale: how many times images are enlarged.

    Raises:
        UserError: numbers or shapes do not fit.

    >>> import numpy as np
    >>> people = np.zeros((2, 64, 48, 3), np.uint8)
    >>> swap_grid(people, people, np.zeros((2, 2, 64, 48, 3), np.uint8), scale=1).shape
    (236, 200, 3)
    """
    rows, columns = len(appearances), len(structures)
    truths = truths or {}
    if tuple(swapped.shape[:2]) != (rows, columns):
        raise UserError(
            f"swapped must hold {rows} x {columns} images (appearances x structures), got {tuple(swapped.shape[:2])}"
        )
    for column, images in truths.items():
        if not 0 <= column < columns or len(images) != rows:
            raise UserError(
                f"truths must be {rows} images for a column from 0 to {columns - 1}, got {len(images)} for {column}"
            )

    head, gaps = [Tile(text="columns:\nstructure\n\nrows:\nappearance")], [_MARGIN]
    for column in range(columns):
        head.append(Tile(structures[column], REAL))
        # The real images of the first column stand apart; a generated image and its truth stand together.
        after_truth = column - 1 in truths or column in truths
        gaps.append(20 if column == 0 else 14 if after_truth else _MARGIN)
        if column in truths:
            head.append(Tile(text="true\nswap"))
            gaps.append(1)
    tiles = [head]
    for row in range(rows):
        line = [Tile(appearances[row], REAL)]
        for column in range(columns):
            line.append(Tile(swapped[row, column]))
            if column in truths:
                line.append(Tile(truths[column][row], TRUTH))
        tiles.append(line)
    return grid(tiles, gaps=gaps, scale=scale)


def save_png(picture: Picture, path: Path) -> None:
    """Write uint8 `[height, width, 3]` as PNG, whole or not at all. A file of that name is replaced."""
    with replacing(path) as handle:
        handle.write(png(picture))


def png(picture: Picture) -> bytes:
    """uint8 `[height, width, 3]` as the bytes of a PNG file."""
    target = io.BytesIO()
    Image.fromarray(picture).save(target, format="PNG", optimize=True)
    return target.getvalue()


def image_png(image: np.ndarray | Tensor) -> bytes:
    """One image (as in a `Tile`) as the bytes of a PNG file."""
    return png(np.asarray(_enlarged(image, 1)))


def _row_height(row: Sequence[Tile], cell_height: int) -> int:
    if all(tile.image is None for tile in row):  # a line of headings
        return 2 * _TEXT
    return cell_height + (_CAPTION + 4 if any(tile.image is not None and tile.text for tile in row) else 0)


def _checked_columns(tiles: Sequence[Sequence[Tile]]) -> int:
    lengths = {len(row) for row in tiles}
    if len(lengths) != 1 or 0 in lengths:
        raise UserError(f"a grid needs rows of equal length with at least one tile, got rows of {sorted(lengths)}")
    return lengths.pop()


def _one_size(images: Sequence[np.ndarray | Tensor]) -> tuple[int, int]:
    for image in images:
        check_unmasked("an image", image)
    shapes = {(tuple(image.shape), isinstance(image, Tensor)) for image in images}
    kinds = {str(image.dtype).removeprefix("torch.") for image in images}
    sizes = {_size(shape, first) for shape, first in shapes}
    if len(sizes) != 1 or kinds != {"uint8"} or (size := sizes.pop()) is None:
        raise UserError(
            "a grid needs uint8 images of one size, NumPy [height, width, 3] or torch [3, height, width], got "
            f"{sorted(kinds)} of {sorted(shape for shape, _ in shapes)}"
        )
    return size


def _size(shape: tuple[int, ...], channels_first: bool) -> tuple[int, int] | None:
    """Height and width of an image of this shape; None for the shape of anything else."""
    if len(shape) != 3 or 0 in shape or shape[0 if channels_first else 2] != 3:
        return None
    return (shape[1], shape[2]) if channels_first else (shape[0], shape[1])


def _enlarged(image: np.ndarray | Tensor, scale: int) -> Image.Image:
    array = image.cpu().permute(1, 2, 0).numpy() if isinstance(image, Tensor) else image
    picture = Image.fromarray(np.ascontiguousarray(array))
    return picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.BICUBIC)


def _write(draw: ImageDraw.ImageDraw, text: str, box: tuple[int, int, int, int], size: int = _TEXT) -> None:
    """Centered text, as large as fits into the box's width, at most `size`."""
    while size > 6 and draw.multiline_textbbox((0, 0), text, font=ImageFont.load_default(size))[2] > box[2] - box[0]:
        size -= 1
    center = ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    draw.multiline_text(center, text, fill=INK, font=ImageFont.load_default(size), anchor="mm", align="center")
