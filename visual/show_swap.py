"""A grid of swaps: rows share the appearance of their first image, columns the structure (pose, body, background).

python visual/show_swap.py
python visual/show_swap.py --name market --input-folder photographs --count 5
python visual/show_swap.py --appearances a.jpg b.jpg --structures c.jpg d.jpg e.jpg --output swaps.png
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.errors import command
from visual.drawing.swap import draw_swaps
from visual.job import VisualJob
from visual.options import add_number, add_source_options, visual_parser


def main() -> None:
    """Parse and draw."""
    parser = visual_parser(__doc__)
    add_number(parser, "--count", 8, "people, if no files are named")
    add_source_options(parser, "images that give the appearance (rows)", "images that give the structure (columns)")
    draw_swaps(VisualJob.open(parser.parse_args()))


if __name__ == "__main__":
    command(main)
