"""Write a set of built-in pedestrians in the Market-1501 layout, or films of them.

python tools/make_synthetic.py data/pedestrians --train-identities 100 --test-identities 50
python tools/make_synthetic.py --sheet sheet.png    # a contact sheet: rows share the appearance, columns the structure
python tools/make_synthetic.py data/films --video --people 12 --cameras 2 --seconds 30

A folder of films (--video) holds a film of each camera, in which the same people walk, cross, hide each other, leave
and come back; the true boxes with identities and visibility; and boxes as a detector gives them, moved, missed and
invented at the given rates. Both as text of the MOT-Challenge, whose frames count from 1.
"""

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tqdm import tqdm

from dgnet.core.cli import CommandParser
from dgnet.core.errors import UserError, command
from dgnet.core.option_types import at_least, between, expanded_path
from dgnet.data.pedestrians import SyntheticSpec, write_dataset
from dgnet.data.pedestrians.film.spec import FilmSpec
from dgnet.data.pedestrians.sheet import write_sheet
from dgnet.data.pedestrians.spec import GALLERY, QUERY, TRAIN, pictures
from dgnet.video.box_files import read_boxes
from dgnet.video.synthetic_films import write_films

# Name -> meaning, least value of an image set, least value of films; None: an option of the other alone.
_OPTIONS: tuple[tuple[str, str, float | None, float | None], ...] = (
    ("seed", "draws the people", 0, 0),
    ("camera_seed", "draws the cameras: another number is another place", 0, 0),
    ("train_identities", "people in the training split", 2, None),
    ("test_identities", "people in the test split", 0, None),
    ("images_per_identity", "images of each, spread over the cameras", 2, None),
    ("cameras", "number of cameras", 2, 1),
    ("height", "pixels", 16, 96),
    ("width", "pixels", 8, 128),
    ("distractors", "gallery images of other people (identity 0000)", 0, None),
    ("junk", "gallery images of badly cropped people (identity -1)", 0, None),
    ("people", "people in the films", None, 1),
    ("seconds", "length of each film", None, 0.1),
    ("frame_rate", "pictures a second", None, 1.0),
    ("jitter", "standard deviation of a detected box's edges, as a share of its width or height", None, 0.0),
    ("missed", "share of the true boxes that are not detected", None, 0.0),
    ("invented", "detected boxes of nobody, as a share of the true boxes", None, 0.0),
)


def _arguments() -> argparse.Namespace:
    parser = CommandParser(__doc__)
    parser.add_argument(
        "out", nargs="?", type=expanded_path, help="a new or empty folder, or one that holds the same set"
    )
    parser.add_argument("--sheet", type=expanded_path, help="also write a contact sheet of swaps to this PNG file")
    parser.add_argument("--video", action="store_true", help="write films and the truth about them")
    for name, meaning, of_images, of_films in _OPTIONS:
        least = min(value for value in (of_images, of_films) if value is not None)
        kind = between(least) if isinstance(getattr(FilmSpec, name, 0), float) else at_least(int(least))
        of_kinds = [
            (f"{getattr(spec, name)}{f', at least {value:g}' if value else ''}", where)
            for spec, value, where in ((SyntheticSpec, of_images, ""), (FilmSpec, of_films, " with --video"))
            if value is not None
        ]
        if len({text for text, _ in of_kinds}) == 1:
            of_kinds = [(of_kinds[0][0], of_kinds[0][1] if of_images is None else "")]
        defaults = "; ".join(f"{text}{where}" for text, where in of_kinds)
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, help=f"{meaning} (default: {defaults})")
    return parser.parse_args()


def main() -> None:
    args = _arguments()
    given = {name: getattr(args, name) for name, *_ in _OPTIONS if getattr(args, name) is not None}
    kind: Any = FilmSpec if args.video else SyntheticSpec
    for name in given:
        if name not in {field.name for field in dataclasses.fields(kind)}:
            option = f"--{name.replace('_', '-')}"
            raise UserError(
                f"{option} is for {'an image set, not for --video' if args.video else 'films: add --video'}"
            )
    spec = kind(**given)
    spec.check()
    if args.video:
        _write_films(args, spec)
    else:
        _write_images(args, spec)


def _write_films(args: argparse.Namespace, spec: FilmSpec) -> None:
    if args.out is None or args.sheet is not None:
        raise UserError("--video needs an output folder, and --sheet is for an image set")
    with tqdm(total=spec.cameras * spec.frames, unit="frame", disable=None) as bar:
        films = write_films(args.out, spec, progress=bar.update)
    print(
        f"{args.out}: {spec.people} people in {len(films)} films of {spec.frames} frames, {spec.height}x{spec.width} "
        "pixels"
    )
    for film in films:
        for path in (film.truth, film.boxes):
            print(read_boxes(path))


def _write_images(args: argparse.Namespace, spec: SyntheticSpec) -> None:
    if args.out is None and args.sheet is None:
        raise UserError("give an output folder or --sheet FILE.png, got neither")
    if args.sheet is not None:
        write_sheet(args.sheet, spec)
        print(f"contact sheet: {args.sheet}")
    if args.out is None:
        return
    folders = [picture.path.split("/")[0] for picture in pictures(spec)]
    with tqdm(total=len(folders), unit="image", disable=None) as bar:
        write_dataset(args.out, spec, progress=bar.update)
    print(
        f"{args.out}: {spec.train_identities} identities with {folders.count(TRAIN)} images to train; "
        f"{spec.test_identities} to test with {folders.count(QUERY)} queries, {folders.count(GALLERY)} in the gallery "
        f"({spec.distractors} distractors, {spec.junk} junk); {spec.cameras} cameras, {spec.height}x{spec.width} pixels"
    )


if __name__ == "__main__":
    command(main)
