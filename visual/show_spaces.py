"""The two spaces: a map of the appearance codes and one of the structure codes, colored by identity and by camera.

    python visual/show_spaces.py
    python visual/show_spaces.py --identities 10 --images 20 --data /data/Market-1501

Where the two are apart as they should be, appearances cluster by identity and structures do not. The maps show the
directions of the largest spread (PCA) and how much of the variance they hold.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from dgnet.core.cli import CommandParser
from dgnet.core.errors import UserError, command
from visual.drawing.grid import png
from visual.drawing.spaces import map_of_spaces, principal_plane
from visual.job import Page, images_of_people
from visual.options import add_image_options, add_picture_options, add_run_options


def main() -> None:
    """Parse, encode, draw."""
    parser = CommandParser(__doc__)
    add_run_options(parser)
    add_image_options(parser, folder=False)
    add_picture_options(parser, scale=False)
    parser.add_argument("--identities", type=int, default=8, help="identities (default: 8)")
    parser.add_argument("--images", type=int, default=20, help="at most so many images of each (default: 20)")
    options = parser.parse_args()
    if options.identities < 1 or options.images < 1:
        raise UserError(f"--identities and --images must be from 1, got {options.identities} and {options.images}")
    page = Page.open(options)
    records = images_of_people(page.dataset(), options.identities, options.images, options.seed)
    images = page.read([record.path for record in records])
    codes = {"appearance codes": page.run.appearance_codes(images), "structure codes": page.run.structure_codes(images)}
    planes = {name: principal_plane(torch.as_tensor(code).flatten(1)) for name, code in codes.items()}
    labels = {"identity": [record.identity for record in records], "camera": [record.camera for record in records]}
    page.write(page.path("spaces", ".png"), png(map_of_spaces(planes, labels)))


if __name__ == "__main__":
    command(main)
