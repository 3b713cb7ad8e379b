"""Interpolation between two structures: a sheet of steps in the structure code, and a film.

    python visual/show_smooth_structure.py
    python visual/show_smooth_structure.py --structures a.jpg b.jpg --appearances c.jpg --output from_a_to_b

The code of a step is (1 - w) first + w second, at every position of the code. Name structures in pairs, and one
appearance for each pair; without --appearances it is that of the first image of the pair.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.errors import command
from visual.drawing.interpolate import MOST_STEPS
from visual.drawing.smooth import draw_between_structures
from visual.job import VisualJob
from visual.options import add_film_options, add_number, add_source_options, visual_parser


def main() -> None:
    """Parse and draw."""
    parser = visual_parser(__doc__, film=True)
    add_number(parser, "--count", 4, "pairs of people, if no files are named")
    add_number(parser, "--steps", 8, "images in a row of the sheet with both ends, 2 to 256", most=MOST_STEPS)
    add_source_options(
        parser, "images that give the appearance, one for each pair", "pairs of images that give the structure"
    )
    add_film_options(parser, 12)
    draw_between_structures(VisualJob.open(parser.parse_args()))


if __name__ == "__main__":
    command(main)
