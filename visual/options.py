"""The options that the commands of this folder share with tools that work with a trained generator."""

import argparse
from pathlib import Path

from dgnet.core.cli import CommandParser, add_device, add_run
from dgnet.core.errors import UserError
from dgnet.core.option_types import above, at_least, expanded_path, from_to
from visual.drawing.film import FORMATS
from visual.drawing.picture_file import require_ending


def visual_parser(documentation: str | None, *, film: bool = False) -> CommandParser:
    """The options of a command that draws what a generator does with images."""
    parser = CommandParser(documentation)
    add_run_options(parser)
    add_image_options(parser)
    add_picture_options(parser, film=film)
    return parser


def add_run_options(parser: argparse.ArgumentParser) -> "argparse._ArgumentGroup":
    """--name, --output-path, --iteration and --device: the generator. Returns their group."""
    run = parser.add_argument_group("the generator")
    add_run(run)
    add_device(run)
    return run


def add_image_options(parser: argparse.ArgumentParser, *, folder: bool = True) -> None:
    """--data, --seed and, for commands that need no identities, --input-folder."""
    images = parser.add_argument_group("the images (default: the test images of the run's data set)")
    if folder:
        images.add_argument("--input-folder", type=expanded_path, metavar="DIR", help="a folder of images")
    images.add_argument(
        "--data", type=expanded_path, metavar="DIR", help="another data set, in any layout that training reads"
    )
    images.add_argument("--seed", type=at_least(0), default=0, help="seed of the draw of people (default: 0)")


def add_source_options(parser: argparse.ArgumentParser, appearances: str, structures: str) -> None:
    """--appearances and --structures with these words in their help: files instead of drawn people."""
    for name, meaning in (("--appearances", appearances), ("--structures", structures)):
        parser.add_argument(name, type=expanded_path, nargs="+", metavar="IMAGE", help=meaning)


def add_number(parser: argparse.ArgumentParser, name: str, default: int, meaning: str, most: int | None = 100) -> None:
    """A whole number from 1 to `most`, what a page has room for; None where the command bounds itself."""
    kind = at_least(1) if most is None else from_to(1, most)
    parser.add_argument(name, type=kind, default=default, help=f"{meaning} (default: {default})")


def add_picture_options(parser: argparse.ArgumentParser, *, scale: bool = True, film: bool = False) -> None:
    """--output (of a picture, and of a `film` beside it), --overwrite and, where images are shown, --scale."""
    picture = parser.add_argument_group("the picture")
    if scale:
        picture.add_argument(
            "--scale", type=from_to(1, 16), help="how many times images are enlarged (default: by their height)"
        )
    picture.add_argument(
        "--output",
        type=film_output if film else picture_output,
        metavar="FILE",
        help="the picture, with the ending of its format (.png, .jpg, .webp, .pdf); default: "
        "OUTPUT/outputs/NAME/pictures/SCRIPT_ITERATION.png",
    )
    picture.add_argument("--overwrite", action="store_true", help="replace an existing file that differs")


def picture_output(text: str) -> Path:
    """The path of a picture to write, for `add_argument(type=...)`."""
    return _path_ending(text, ())


def film_output(text: str) -> Path:
    """The path of a picture and the film beside it, likewise; the ending may be the film's."""
    return _path_ending(text, tuple(f".{kind}" for kind in FORMATS))


def _path_ending(text: str, also: tuple[str, ...]) -> Path:
    path = expanded_path(text)
    try:
        require_ending(path, also)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return path


def add_film_options(parser: argparse.ArgumentParser, frames_per_second: int) -> None:
    """--film and --fps."""
    film = parser.add_argument_group("the film")
    film.add_argument("--film", choices=[*FORMATS, "both", "none"], default="gif", help="its format (default: gif)")
    film.add_argument(
        "--fps", type=above(0, 50), default=frames_per_second, help=f"frames per second (default: {frames_per_second})"
    )
