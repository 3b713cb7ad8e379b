"""One person in many clothes: each row keeps its structure, the appearances are in the order of the color circle.

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
    add_number(parser, "--count", 12, "appearances where no files are named")
    add_number(parser, "--identities", 3, "structures where no files are named")
    add_source_options(parser, "whose clothes (columns)", "whose pose and place (rows)")
    draw_rainbow(VisualJob.open(parser.parse_args()))


if __name__ == "__main__":
    command(main)
