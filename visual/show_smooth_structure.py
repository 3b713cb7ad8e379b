"""From one person's pose, body and place to another's: a sheet of steps in the structure code, and a film of them.

    python visual/show_smooth_structure.py
    python visual/show_smooth_structure.py --structures a.jpg b.jpg --appearances c.jpg --output from_a_to_b

The code of a step is (1 - w) first + w second, at every place of the image. Structures are named in pairs, appearances
one for each pair; without --appearances the first person of a pair keeps the clothes.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.errors import command
from dgnet.core.option_types import expanded_path
from visual.drawing.interpolate import between_structures
from visual.drawing.smooth import RealImages, draw, named, smooth_parser
from visual.job import Page


def main() -> None:
    """Parse, interpolate, draw."""
    parser = smooth_parser(__doc__)
    parser.add_argument(
        "--structures", type=expanded_path, nargs="+", metavar="IMAGE", help="whose pose and place, in pairs"
    )
    parser.add_argument(
        "--appearances", type=expanded_path, nargs="+", metavar="IMAGE", help="whose clothes, one for each pair"
    )
    options = parser.parse_args()
    page = Page.open(options)
    ends, appearances = named(page, options.structures, options.appearances, ("--structures", "--appearances"))
    real = RealImages(appearances, ends, "appearance", ("structure", "structure"))
    draw(
        page, "smooth_structure", real, lambda weights: between_structures(page.generator, *ends, appearances, weights)
    )


if __name__ == "__main__":
    command(main)
