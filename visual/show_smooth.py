"""From one person's clothes to another's: a sheet of steps in the appearance code, and a film of them.

    python visual/show_smooth.py
    python visual/show_smooth.py --pairs 3 --steps 10 --film both
    python visual/show_smooth.py --appearances a.jpg b.jpg --structures c.jpg --output from_a_to_b

The code of a step is (1 - w) first + w second. Appearances are named in pairs, structures one for each pair; without
--structures it is the first person of a pair who changes clothes.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.errors import command
from dgnet.core.option_types import expanded_path
from visual.drawing.interpolate import between_appearances
from visual.drawing.smooth import RealImages, draw, named, smooth_parser
from visual.job import Page


def main() -> None:
    """Parse, interpolate, draw."""
    parser = smooth_parser(__doc__)
    parser.add_argument("--appearances", type=expanded_path, nargs="+", metavar="IMAGE", help="whose clothes, in pairs")
    parser.add_argument(
        "--structures", type=expanded_path, nargs="+", metavar="IMAGE", help="who wears them, one for each pair"
    )
    options = parser.parse_args()
    page = Page.open(options)
    ends, structures = named(page, options.appearances, options.structures, ("--appearances", "--structures"))
    real = RealImages(structures, ends, "structure", ("appearance", "appearance"))
    draw(page, "smooth", real, lambda weights: between_appearances(page.generator, *ends, structures, weights))


if __name__ == "__main__":
    command(main)
