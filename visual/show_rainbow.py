"""One person in many clothes: each row keeps its structure, the appearances are in the order of the color circle.

python visual/show_rainbow.py
python visual/show_rainbow.py --identities 5 --count 16
python visual/show_rainbow.py --structures me.jpg --input-folder wardrobe
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from dgnet.core.errors import UserError, command
from dgnet.core.option_types import expanded_path
from dgnet.models.swap import swap_all
from visual.drawing.grid import REAL, Tile, grid, png
from visual.drawing.rainbow import hues, mean_image
from visual.job import Page
from visual.options import page_parser


def main() -> None:
    """Parse, swap, sort, draw."""
    parser = page_parser(__doc__)
    parser.add_argument("--count", type=int, default=12, help="appearances where no files are named (default: 12)")
    parser.add_argument("--identities", type=int, default=3, help="structures where no files are named (default: 3)")
    parser.add_argument("--appearances", type=expanded_path, nargs="+", metavar="IMAGE", help="whose clothes (columns)")
    parser.add_argument(
        "--structures", type=expanded_path, nargs="+", metavar="IMAGE", help="whose pose and place (rows)"
    )
    options = parser.parse_args()
    if options.identities < 1:
        raise UserError(f"--identities must be a whole number from 1, got {options.identities}")
    page = Page.open(options)
    appearances = page.read(options.appearances or page.choose(options.count))
    structures = page.read(options.structures or page.choose(options.identities))
    swapped = swap_all(page.generator, appearances, structures).transpose(0, 1)
    order = np.argsort(hues(mean_image(swapped)), kind="stable")
    appearances, swapped = appearances[order], swapped[:, order]
    tiles = [[Tile(text="columns:\nappearance\n\nrows:\nstructure"), *(Tile(image, REAL) for image in appearances)]]
    tiles += [[Tile(image, REAL), *map(Tile, row)] for image, row in zip(structures, swapped, strict=True)]
    gaps = [8, 20, *[2] * (len(appearances) - 1)]
    page.write(page.path("rainbow", ".png"), png(grid(tiles, gaps=gaps, scale=page.scale)))


if __name__ == "__main__":
    command(main)
