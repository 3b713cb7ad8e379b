"""Extract features of images by a trained re-ID model into one .npz file.

    python tools/extract.py --name bnneck --output gallery.npz /data/gallery
    python tools/extract.py --name X.pth --model-name resnet50 --output few.npz one.jpg two.png

The file holds, for each image, `images/features` (float32, of unit length), `images/paths`, `images/content` (the
SHA-256 of the file), and `images/identities` and `images/cameras` where a gallery of tools/find_people.py tells them,
or the file's name as Market-1501's do (-1 elsewhere); `about` says which weights and which preprocessing made them.
NumPy reads it without pickle; tools/search.py takes it as a gallery.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


from dgnet.core.checkpoint import file_hash
from dgnet.core.cli import CommandParser, add_device, add_mirrored
from dgnet.core.errors import UserError, command
from dgnet.core.files import check_place
from dgnet.core.images import image_files, print_passed_over
from dgnet.core.numerics import open_device
from dgnet.core.option_types import at_least, expanded_path, path_ending, run_name
from dgnet.video.gallery_labels import known_labels
from eval.reid.feature_file import save_features
from eval.reid.file_features import features_of_files
from reid_heads.load import load_model


def main() -> int:
    parser = CommandParser(__doc__)
    parser.add_argument("images", nargs="+", type=expanded_path, metavar="IMAGE_OR_FOLDER")
    parser.add_argument(
        "--output", type=path_ending(".npz"), required=True, metavar="FILE.npz", help="the file to write"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing file")
    add_model_options(parser)
    args = parser.parse_args()
    # Before the hours that a large folder takes.
    if args.output.exists() and not args.overwrite:
        raise UserError(f"{args.output} already exists: name another file or give --overwrite")
    check_place(args.output)
    files = files_of(args.images)
    model = load_model(args.name, args.model_name, device=open_device(args.device), mirrored=args.mirrored)
    data, options = ", ".join(map(str, args.images)), {"batch": args.batch_size, "workers": args.workers}
    stored = features_of_files(files, model, file_hash(model.weights), known_labels, data=data, **options)
    save_features(args.output, stored, overwrite=args.overwrite)
    (split,) = stored.splits.values()
    print(f"{args.output}: {split.features.shape[0]} images, {split.features.shape[1]} numbers each")
    return 0


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """--name, --model-name, --mirrored, --device, --batch-size and --workers."""
    parser.add_argument(
        "--name", type=run_name, required=True, help="the trained model: a run, its folder, or a file of weights"
    )
    parser.add_argument(
        "--model-name", metavar="NAME", help="the model in another system's file, which does not name it"
    )
    add_mirrored(parser)
    add_device(parser)
    parser.add_argument(
        "--batch-size", type=at_least(1), default=64, help="images at a time; changes no feature (default: 64)"
    )
    parser.add_argument("--workers", type=at_least(1), help="threads that decode images (default: all cores)")


def files_of(paths: Iterable[Path]) -> list[Path]:
    """Files as they are, and all images of folders, each file once; what is passed over is said on stderr.

    `UserError` for a folder without images.
    """
    paths = list(paths)
    print_passed_over(*paths)
    files = (file for path in paths for file in (image_files(path) if path.is_dir() else [path]))
    return list({file.absolute(): file for file in files}.values())


if __name__ == "__main__":
    command(main)
