"""Who wears whose clothes: a sheet of swaps. A row has the appearance of its first image, a column the structure
(pose, body and place) of its first image.

    python visual/show_swap.py
    python visual/show_swap.py --name market --input-folder photographs --count 5
    python visual/show_swap.py --appearances a.jpg b.jpg --structures c.jpg d.jpg e.jpg --output swaps.png
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.errors import command
from dgnet.core.option_types import expanded_path
from dgnet.models.swap import swap_all
from visual.drawing.grid import png, swap_grid
from visual.job import Page
from visual.options import page_parser


def main() -> None:
    """Parse, swap, draw."""
    parser = page_parser(__doc__)
    parser.add_argument("--count", type=int, default=8, help="people where no files are named (default: 8)")
    parser.add_argument("--appearances", type=expanded_path, nargs="+", metavar="IMAGE", help="whose clothes (rows)")
    parser.add_argument(
        "--structures", type=expanded_path, nargs="+", metavar="IMAGE", help="whose pose and place (columns)"
    )
    options = parser.parse_args()
    page = Page.open(options)
    chosen = [] if options.appearances and options.structures else page.choose(options.count)
    appearances = page.read(options.appearances or chosen)
    structures = page.read(options.structures or chosen)
    swapped = swap_all(page.generator, appearances, structures)
    page.write(page.path("swap", ".png"), png(swap_grid(appearances, structures, swapped, scale=page.scale)))


if __name__ == "__main__":
    command(main)
