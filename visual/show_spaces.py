"""Maps of the appearance codes and of the structure codes, colored by identity and, where known, by camera.

    python visual/show_spaces.py
    python visual/show_spaces.py --identities 10 --images 20 --data /data/Market-1501

If appearance and structure are disentangled, appearance codes cluster by identity and structure codes do not (with
decoder.kind=parts structure codes also hold the pixels of the image, and cluster by place). The maps
show the first two principal components (PCA) and their fraction of the variance.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.cli import CommandParser
from dgnet.core.errors import command
from visual.drawing.spaces import MOST_IMAGES, draw_spaces
from visual.job import VisualJob
from visual.options import add_image_options, add_number, add_picture_options, add_run_options


def main() -> None:
    """Parse and draw."""
    parser = CommandParser(__doc__)
    add_run_options(parser)
    add_image_options(parser, folder=False)
    add_picture_options(parser, scale=False)
    add_number(parser, "--identities", 8, "identities", most=None)
    add_number(parser, "--images", 20, "at most so many images of each", most=MOST_IMAGES)
    draw_spaces(VisualJob.open(parser.parse_args()))


if __name__ == "__main__":
    command(main)
