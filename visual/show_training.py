"""How a training went, in its own pictures: the fixed grid of swaps at some iterations, and a film of all.

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
from dgnet.runs.find import latest_run, runs_of_generators, unknown_run
from visual.drawing.film import films
from visual.drawing.grid import png
from visual.drawing.training_pictures import evenly, strip, training_pictures
from visual.job import keep, picture_path
from visual.options import add_film_options, add_picture_options


def main() -> None:
    """Parse, read, draw."""
    parser = CommandParser(__doc__)
    parser.add_argument(
        "--name", type=run_name, help="a run below OUTPUT/outputs (default: the one whose generator was saved last)"
    )
    add_output_path(parser)
    parser.add_argument("--count", type=int, default=4, help="pictures in the strip, evenly spread (default: 4)")
    add_picture_options(parser, scale=False)
    add_film_options(parser, 2)
    options = parser.parse_args()
    outputs = options.output_path / "outputs"
    folder = outputs / options.name if options.name else latest_run(outputs)
    if not folder.is_dir():
        raise unknown_run(options.name, "run", runs_of_generators(outputs), options.output_path)
    pictures = training_pictures(folder)
    iterations = list(pictures)
    shown = {iteration: pictures[iteration] for iteration in evenly(iterations, options.count)}
    name = f"training_{iterations[-1]:08d}"
    frames = [] if options.film == "none" else [strip({iteration: path}) for iteration, path in pictures.items()]
    for suffix, content in [(".png", png(strip(shown))), *films(frames, options.film, options.fps)]:
        keep(picture_path(options, folder.name, name, suffix), content, options.overwrite)


if __name__ == "__main__":
    command(main)
