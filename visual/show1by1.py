"""Swaps one by one: a sheet of appearance, structure and what becomes of the two, and each image in a file of its own.

    python visual/show1by1.py
    python visual/show1by1.py --count 20 --columns 4
    python visual/show1by1.py --appearances a.jpg --structures b.jpg --output a_on_b

The files are written at the generator's size into a folder beside the sheet, named APPEARANCE_on_STRUCTURE.png. Without
named files each person wears the clothes of the next.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.errors import UserError, command
from dgnet.core.option_types import expanded_path
from dgnet.models.swap import swap_images
from visual.drawing.grid import REAL, Tile, grid, image_png, png
from visual.job import Page
from visual.options import page_parser


def main() -> None:
    """Parse, swap, draw."""
    parser = page_parser(__doc__)
    parser.add_argument("--count", type=int, default=6, help="pairs where no files are named (default: 6)")
    parser.add_argument("--columns", type=int, default=2, help="pairs beside each other (default: 2)")
    parser.add_argument("--appearances", type=expanded_path, nargs="+", metavar="IMAGE", help="whose clothes")
    parser.add_argument("--structures", type=expanded_path, nargs="+", metavar="IMAGE", help="whose pose and place")
    options = parser.parse_args()
    if options.columns < 1:
        raise UserError(f"--columns must be a whole number from 1, got {options.columns}")
    page = Page.open(options)
    others = [] if options.appearances and options.structures else page.choose(options.count)
    appearance_paths = options.appearances or [*others[1:], *others[:1]]
    structure_paths = options.structures or others
    pairs = min(len(appearance_paths), len(structure_paths))
    if options.appearances and options.structures and len(appearance_paths) != len(structure_paths):
        raise UserError(
            f"--appearances and --structures go together one by one, got {len(appearance_paths)} and "
            f"{len(structure_paths)} images"
        )
    appearances, structures = page.read(appearance_paths[:pairs]), page.read(structure_paths[:pairs])
    swapped = swap_images(page.generator, appearances, structures)

    columns = min(options.columns, pairs)
    heads = [Tile(text=text) for text in ("appearance", "structure", "generated")]
    tiles = [heads * columns]
    for begin in range(0, pairs, columns):
        row: list[Tile] = []
        for pair in range(begin, begin + columns):
            there = pair < pairs
            row += (
                [Tile(appearances[pair], REAL), Tile(structures[pair], REAL), Tile(swapped[pair])]
                if there
                else ([Tile()] * 3)
            )
        tiles.append(row)
    path = page.path("1by1", ".png")
    page.write(path, png(grid(tiles, gaps=[28, 8, 8] * columns, scale=page.scale)))
    for appearance, structure, image in zip(appearance_paths, structure_paths, swapped, strict=False):
        page.write(path.with_suffix("") / f"{appearance.stem}_on_{structure.stem}.png", image_png(image))


if __name__ == "__main__":
    command(main)
