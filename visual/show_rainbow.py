"""One structure in many appearances, ordered by hue: a row for each structure, a column for each appearance.

    python visual/show_rainbow.py
    python visual/show_rainbow.py --identities 5 --count 16
    python visual/show_rainbow.py --structures me.jpg --input-folder wardrobe

The order is that of the hues of the generated clothes.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.errors import command
from visual.drawing.rainbow import draw_rainbow
from visual.job import VisualJob
from visual.options import add_number, add_source_options, visual_parser


def main() -> None:
    """Parse and draw."""
    parser = visual_parser(__doc__)
    add_number(parser, "--count", 12, "appearances, if no files are named")
    add_number(parser, "--identities", 3, "structures, if no files are named")
    add_source_options(parser, "images that give the appearance (columns)", "images that give the structure (rows)")
    draw_rainbow(VisualJob.open(parser.parse_args()))


if __name__ == "__main__":
    command(main)
