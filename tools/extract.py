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
from collections.abc import Iterable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from dgnet.core.checkpoint import file_hash
from dgnet.core.cli import CommandParser, add_device, add_mirrored
from dgnet.core.content import content_hashes
from dgnet.core.errors import UserError, command
from dgnet.core.files import check_place
from dgnet.core.images import image_files
from dgnet.core.numerics import open_device
from dgnet.core.option_types import at_least, expanded_path, path_ending, run_name
from dgnet.data.readers.names import market_name
from dgnet.data.records import JUNK, UNKNOWN_CAMERA
from dgnet.video.gallery_labels import gallery_labels
from eval.extractor import features_of
from eval.reid.embedding_model import extractor_of, preprocessing_of
from eval.reid.feature_file import SplitFeatures, StoredFeatures, load_features, save_features
from reid_heads.load import load_model
from reid_heads.loaded_model import LoadedModel

SPLIT = "images"


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
    stored = features_of_images(files, model, ", ".join(map(str, args.images)), args.batch_size, args.workers)
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
    """Files as they are, and all images of folders, each file once. `UserError` for a folder without images."""
    files = (file for path in paths for file in (image_files(path) if path.is_dir() else [path]))
    return list({file.absolute(): file for file in files}.values())


def features_of_images(
    files: Sequence[Path], model: LoadedModel, data: str, batch: int, workers: int | None
) -> StoredFeatures:
    """Features of files as a file holds them, as the split `images`; `data` says where the images are from.

    Identity and camera are those that a gallery of tools/find_people.py or a Market-1501 name tells, else -1.
    `UserError` names an unreadable file.
    """
    known = gallery_labels(files)
    labels = [known.get(path) or market_name(path.name) or (JUNK, UNKNOWN_CAMERA) for path in files]
    identities, cameras = (np.array(column, np.int64) for column in zip(*labels, strict=True))
    content = content_hashes(files, workers)
    features = features_of(files, extractor_of(model), batch=batch, workers=workers)
    split = SplitFeatures(features, identities, cameras, tuple(map(str, files)), content)
    return StoredFeatures(model.name, data, file_hash(model.weights), preprocessing_of(model), {SPLIT: split})


def gallery_features(path: Path, model: LoadedModel, batch: int, workers: int | None) -> SplitFeatures:
    """The gallery's features, extracted or read.

    `UserError` for a file of other weights or preprocessing, or of images that have changed. A file of version 0.2 or
    before cannot be checked: its images are extracted again, and a line says so.
    """
    if path.is_dir():
        return features_of_images(files_of([path]), model, str(path), batch, workers).splits[SPLIT]
    stored = load_features(path, checkpoint=file_hash(model.weights), preprocessing=preprocessing_of(model))
    if SPLIT not in stored.splits:
        raise UserError(f"{path}: must be a file of tools/extract.py, its splits are {', '.join(stored.splits)}")
    split = stored.splits[SPLIT]
    files = [Path(name) for name in split.paths]
    if not split.content:
        print(
            f"{path}: holds no hashes of its images (version 0.2 or before), so whether they have changed cannot be "
            "checked; they are extracted again (tools/extract.py writes a file with hashes)",
            file=sys.stderr,
        )
        return features_of_images(files, model, stored.data, batch, workers).splits[SPLIT]
    there = [place for place, file in enumerate(files) if file.is_file()]
    hashes = content_hashes([files[place] for place in there], workers)
    changed = [files[place] for place, digits in zip(there, hashes, strict=True) if digits != split.content[place]]
    if changed:
        raise UserError(
            f"{path}: {changed[0]} and {len(changed) - 1} others of its {len(files)} images have changed since; "
            "extract them again"
        )
    return split


if __name__ == "__main__":
    command(main)
