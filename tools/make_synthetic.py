"""Write a set of built-in pedestrians in the Market-1501 layout.

python tools/make_synthetic.py data/pedestrians --train-identities 100 --test-identities 50
python tools/make_synthetic.py --sheet sheet.png    # a contact sheet: rows share the appearance, columns the structure
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tqdm import tqdm

from dgnet.core.cli import CommandParser
from dgnet.core.errors import UserError, command
from dgnet.core.option_types import at_least, expanded_path
from dgnet.data.pedestrians import SyntheticSpec, write_dataset
from dgnet.data.pedestrians.sheet import write_sheet
from dgnet.data.pedestrians.spec import GALLERY, QUERY, TRAIN, pictures


def _arguments() -> argparse.Namespace:
    default = SyntheticSpec()
    parser = CommandParser(__doc__)
    parser.add_argument(
        "out", nargs="?", type=expanded_path, help="a new or empty folder, or one that holds the same set"
    )
    parser.add_argument("--sheet", type=expanded_path, help="also write a contact sheet of swaps to this PNG file")
    for name, meaning, least in (
        ("seed", "draws the people", 0),
        ("camera_seed", "draws the cameras: another number is another place", 0),
        ("train_identities", "people in the training split", 2),
        ("test_identities", "people in the test split", 0),
        ("images_per_identity", "images of each, spread over the cameras", 2),
        ("cameras", "number of cameras", 2),
        ("height", "pixels", 16),
        ("width", "pixels", 8),
        ("distractors", "gallery images of other people (identity 0000)", 0),
        ("junk", "gallery images of badly cropped people (identity -1)", 0),
    ):
        value = getattr(default, name)
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=at_least(least),
            default=value,
            help=f"{meaning} (default: {value}{f', at least {least}' if least else ''})",
        )
    return parser.parse_args()


def main() -> None:
    settings = vars(_arguments())
    out, sheet = settings.pop("out"), settings.pop("sheet")
    if out is None and sheet is None:
        raise UserError("give an output folder or --sheet FILE.png, got neither")
    spec = SyntheticSpec(**settings)
    spec.check()
    if sheet is not None:
        write_sheet(sheet, spec)
        print(f"contact sheet: {sheet}")
    if out is None:
        return
    folders = [picture.path.split("/")[0] for picture in pictures(spec)]
    with tqdm(total=len(folders), unit="image", disable=None) as bar:
        write_dataset(out, spec, progress=bar.update)
    print(
        f"{out}: {spec.train_identities} identities with {folders.count(TRAIN)} images to train; "
        f"{spec.test_identities} to test with {folders.count(QUERY)} queries, {folders.count(GALLERY)} in the gallery "
        f"({spec.distractors} distractors, {spec.junk} junk); {spec.cameras} cameras, {spec.height}x{spec.width} pixels"
    )


if __name__ == "__main__":
    command(main)
