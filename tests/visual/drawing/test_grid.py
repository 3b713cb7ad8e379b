"""Grids put each image where it belongs, pixel for pixel."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dgnet.core.errors import UserError
from tests.messages import mentions
from tests.visual.places import HEIGHT, WIDTH, images, places_of
from visual.drawing.grid import REAL, TRUTH, Tile, grid, save_png, swap_grid


def test_swap_grid_puts_every_image_once_in_its_row_and_column() -> None:
    appearances, structures, swapped = np.split(images(3 + 4 + 12), [3, 7])
    swapped, truth = swapped.reshape(3, 4, HEIGHT, WIDTH, 3), 255 - appearances
    picture = swap_grid(appearances, structures, swapped, {2: truth}, scale=1)
    assert picture.dtype == np.uint8
    tops = [places_of(picture, image)[0][0] for image in appearances]
    lefts = [places_of(picture, image)[0][1] for image in structures]
    assert tops == sorted(tops)
    assert lefts == sorted(lefts)
    for row in range(3):
        assert places_of(picture, appearances[row]) == [(tops[row], 10)]
        for column in range(4):
            assert places_of(picture, swapped[row, column]) == [(tops[row], lefts[column])]
        ((top, left),) = places_of(picture, truth[row])
        assert top == tops[row]
        assert lefts[2] < left < lefts[3]
        assert tuple(picture[top - 1, left]) == TRUTH
    assert tuple(picture[tops[0] - 1, 10]) == REAL
    assert tuple(picture[tops[0] - 1, lefts[0]]) == (255, 255, 255)


def test_tensors_and_arrays_give_one_picture() -> None:
    appearances, structures, swapped = images(2), images(2), images(2, 2)
    tensors = [torch.from_numpy(part).movedim(-1, -3) for part in (appearances, structures, swapped)]
    assert np.array_equal(swap_grid(*tensors), swap_grid(appearances, structures, swapped))


def test_scale_and_text() -> None:
    wide = grid([[Tile(images(1)[0]), Tile(text="hello")]], scale=8)
    bare = grid([[Tile(images(1)[0]), Tile()]], scale=8)
    assert wide.shape == bare.shape == (8 + 8 * HEIGHT + 4 + 8, 2 * (8 + 8 * WIDTH + 4) + 8, 3)
    assert (wide != bare).any()
    half = wide.shape[1] // 2
    assert (bare[:, half + 4 :] == 255).all()


def test_a_line_of_headings_is_low() -> None:
    image = Tile(images(1)[0])
    assert len(grid([[Tile(text="a")], [image]], scale=9)) < len(grid([[image], [image]], scale=9))


def test_png_reads_back(tmp_path: Path) -> None:
    picture = swap_grid(images(2), images(2), images(2, 2))
    save_png(picture, tmp_path / "swaps.png")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "swaps.png")), picture)
    assert [path.name for path in tmp_path.iterdir()] == ["swaps.png"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((images(2), images(3), images(3, 2)), mentions("swapped", 2, 3, "(3, 2)")),
        ((images(2), images(2), images(2, 2), {2: images(2)}), "a column from 0 to 1"),
        ((images(2), images(2), images(2, 2), {0: images(3)}), mentions("truths", 2)),
        ((images(2), images(2).astype(np.float32), images(2, 2)), mentions("uint8", "float32")),
        ((images(2), images(2)[:, :, :5], images(2, 2)), "of one size"),
        ((images(2), images(0), images(2, 0)), None),
    ],
)
def test_bad_input(arguments: tuple, sentence: str | None) -> None:
    if sentence is None:  # no structures: the appearances alone
        assert swap_grid(*arguments).shape[2] == 3
        return
    with pytest.raises(UserError, match=sentence):
        swap_grid(*arguments)


def test_bad_grids() -> None:
    image = Tile(images(1)[0])
    for tiles in ([], [[]], [[image], [image, image]]):
        with pytest.raises(UserError, match="rows of equal length"):
            grid(tiles)
    with pytest.raises(UserError, match="scale must be"):
        grid([[image]], scale=0)
    with pytest.raises(UserError, match=mentions("gaps", 1)):
        grid([[image]], gaps=[1, 2])
    with pytest.raises(UserError, match="of one size"):
        grid([[Tile(text="nothing but text")]])
