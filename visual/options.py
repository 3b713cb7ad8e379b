"""The options that scripts of this folder and tools that work with a trained generator share."""

import argparse
from pathlib import Path

from dgnet.core.option_types import DEVICES
from visual.drawing.film import FORMATS


def new_parser(documentation: str | None) -> argparse.ArgumentParser:
    """A parser whose help is a script's docstring."""
    return argparse.ArgumentParser(description=documentation, formatter_class=argparse.RawDescriptionHelpFormatter)


def page_parser(documentation: str | None) -> argparse.ArgumentParser:
    """The options of a script that shows what a generator makes of images."""
    parser = new_parser(documentation)
    add_run_options(parser)
    add_image_options(parser)
    add_picture_options(parser)
    return parser


def add_run_options(parser: argparse.ArgumentParser) -> "argparse._ArgumentGroup":
    """--name, --output_path, --which_epoch and --device: the generator. The group, for what else concerns it."""
    run = parser.add_argument_group("the generator")
    run.add_argument(
        "--name",
        help="a run below OUTPUT/outputs, or the path of a run's folder, of a checkpoint, or of an outputs/NAME of the "
        "original release (default: the run whose generator was saved last)",
    )
    run.add_argument("--output_path", type=Path, default=Path(), help="OUTPUT, where outputs/ is (default: here)")
    run.add_argument("--which_epoch", type=int, help="iteration of the checkpoint (default: the last)")
    run.add_argument("--device", default="auto", help=DEVICES)
    return run


def add_image_options(parser: argparse.ArgumentParser, *, folder: bool = True) -> None:
    """--data, --seed and, for scripts that need no identities, --input_folder."""
    images = parser.add_argument_group("the images (default: the test images of the run's data set)")
    if folder:
        images.add_argument("--input_folder", type=Path, metavar="DIR", help="a folder of images")
    images.add_argument("--data", type=Path, metavar="DIR", help="another data set, in any layout that training reads")
    images.add_argument("--seed", type=int, default=0, help="draws the people; another shows others (default: 0)")


def add_picture_options(parser: argparse.ArgumentParser, *, scale: bool = True) -> None:
    """--output, --overwrite and, where images are shown, --scale."""
    picture = parser.add_argument_group("the picture")
    if scale:
        picture.add_argument("--scale", type=int, help="how many times images are enlarged (default: by their height)")
    picture.add_argument(
        "--output", type=Path, metavar="FILE", help="default: OUTPUT/outputs/NAME/pictures/SCRIPT_ITERATION"
    )
    picture.add_argument("--overwrite", action="store_true", help="replace a file that looks otherwise")


def add_film_options(parser: argparse.ArgumentParser, frames_per_second: int) -> None:
    """--film and --fps."""
    film = parser.add_argument_group("the film")
    film.add_argument("--film", choices=[*FORMATS, "both", "none"], default="gif", help="its format (default: gif)")
    film.add_argument(
        "--fps", type=float, default=frames_per_second, help=f"frames per second (default: {frames_per_second})"
    )
