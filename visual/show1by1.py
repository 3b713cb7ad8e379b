"""Swaps one by one: a sheet with appearance, structure and swap of each pair, and each swap in a file of its own.

    python visual/show1by1.py
    python visual/show1by1.py --count 20 --columns 4
    python visual/show1by1.py --appearances a.jpg --structures b.jpg --output a_on_b

The swaps are written at the generator's size to a folder beside the sheet, as APPEARANCE_on_STRUCTURE.png. If no files
are named, each person gets the appearance of the next.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.errors import command
from visual.drawing.swap import draw_pairs
from visual.job import VisualJob
from visual.options import add_number, add_source_options, visual_parser


def main() -> None:
    """Parse and draw."""
    parser = visual_parser(__doc__)
    add_number(parser, "--count", 6, "pairs, if no files are named", most=1000)
    add_number(parser, "--columns", 2, "pairs side by side")
    add_source_options(parser, "images that give the appearance", "images that give the structure")
    draw_pairs(VisualJob.open(parser.parse_args()))


if __name__ == "__main__":
    command(main)
