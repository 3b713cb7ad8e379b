"""The course of a training: its grid of swaps of fixed images at several iterations, and a film of all.

    python visual/show_training.py
    python visual/show_training.py --name market --count 4 --film both

Reads outputs/NAME/images/, which tools/train_gan.py fills every run.image_every iterations.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.cli import CommandParser, add_output_path
from dgnet.core.errors import command
from dgnet.core.option_types import run_name
from visual.drawing.training_pictures import draw_training
from visual.options import add_film_options, add_number, add_picture_options


def main() -> None:
    """Parse and draw."""
    parser = CommandParser(__doc__)
    parser.add_argument(
        "--name", type=run_name, help="a run below OUTPUT/outputs (default: the one whose generator was saved last)"
    )
    add_output_path(parser)
    add_number(parser, "--count", 4, "pictures in the strip, evenly spread")
    add_picture_options(parser, scale=False, film=True)
    add_film_options(parser, 2)
    draw_training(parser.parse_args())


if __name__ == "__main__":
    command(main)
