"""Search a gallery for the images most similar to a query; prints a list and draws a picture.

    python tools/search.py --name bnneck --query one.jpg --gallery /data/Market-1501/query
    python tools/search.py --name X.pth --query one.jpg two.jpg --gallery gallery.npz --top 20 --output found.png

The gallery is a folder, or a file of tools/extract.py made by the same weights and preprocessing, whose images have not
changed since (those that are not there any more are not looked at). The query's own file is not listed. Similarity is
the cosine of the features, from -1 to 1. Where file names tell identities (as those of Market-1501, DukeMTMC-reID and
CUHK03-NP do), the picture frames the query's person in green and others in orange.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from dgnet.core.checkpoint import file_hash
from dgnet.core.cli import CommandParser
from dgnet.core.content import content_hashes
from dgnet.core.device import choose_device
from dgnet.core.errors import UserError, command
from dgnet.core.files import check_place
from dgnet.core.option_types import at_least, expanded_path
from dgnet.data.readers.names import market_name
from dgnet.data.records import JUNK
from eval.images.extractor import features_of
from eval.reid.embedding_model import extractor_of, preprocessing_of
from eval.reid.feature_file import SplitFeatures, load_features
from reid_heads.load import load_model
from reid_heads.loaded_model import LoadedModel
from tools.extract import SPLIT, add_model_options, features_of_images, files_of
from visual.drawing.picture_file import picture_file
from visual.drawing.ranked_lists import ranked_lists
from visual.image_input import read_images
from visual.job import write_picture
from visual.options import picture_output


def main() -> int:
    parser = CommandParser(__doc__)
    parser.add_argument("--query", nargs="+", type=expanded_path, required=True, metavar="IMAGE", help="query images")
    parser.add_argument(
        "--gallery", type=expanded_path, required=True, metavar="DIR_OR_NPZ", help="the folder or .npz file to search"
    )
    parser.add_argument("--top", type=at_least(1), default=10, help="images listed for each query (default: 10)")
    parser.add_argument(
        "--output",
        type=picture_output,
        default=Path("found.png"),
        metavar="FILE",
        help="the picture: .png, .jpg, .webp or .pdf (default: found.png)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing picture")
    add_model_options(parser)
    args = parser.parse_args()
    args.output = picture_file(args.output)
    if args.output.exists() and not args.overwrite:
        raise UserError(f"{args.output} already exists: name another file or give --overwrite")
    check_place(args.output)
    model = load_model(args.name, args.model_name, device=choose_device(args.device), mirrored=args.mirrored)
    gallery = gallery_features(args.gallery, model, args.batch_size, args.workers)
    queries = read_images(args.query, model.height, model.width)  # refuses what is no image of a person
    rows, similarities, right = [], [], []
    features = features_of(args.query, extractor_of(model), batch=args.batch_size, workers=args.workers)
    # DG-Net's features are two halves of unit length, and longer than 1 together.
    directions = unit_length(gallery.features)
    for query, feature in zip(args.query, unit_length(features), strict=True):
        similarity = directions @ feature
        order = [
            place for place in np.argsort(-similarity, kind="stable") if not same_file(gallery.paths[place], query)
        ]
        if not order:
            raise UserError(f"{args.gallery}: holds no image beside {query} itself")
        rows.append([Path(gallery.paths[index]) for index in order[: args.top]])
        right.append([same_person(gallery.identities[index], query) for index in order[: args.top]])
        similarities.append([float(similarity[index]) for index in order[: args.top]])
        print(f"{query}:")
        for rank, (path, value) in enumerate(zip(rows[-1], similarities[-1], strict=True), 1):
            print(f"  {rank:3d}  {value:.4f}  {path}")
    ranked = [read_images(row, model.height, model.width) for row in rows]
    scale = max(1, 128 // model.height)  # small images stay visible
    write_picture(args.output, ranked_lists(queries, ranked, similarities, right, scale=scale), args.overwrite)
    return 0


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


def unit_length(features: np.ndarray) -> np.ndarray:
    """The directions of features `[image, feature]`; 0 stays 0."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    return features / np.maximum(lengths, np.finfo(features.dtype).tiny)


def same_person(identity: int, query: Path) -> bool | None:
    """Whether an image of this identity shows the query's person; None where one of them is not known."""
    known = market_name(query.name)
    return None if known is None or JUNK in (known[0], identity) else bool(known[0] == identity)


def same_file(first: str, second: Path) -> bool:
    return Path(first).resolve() == second.resolve()


if __name__ == "__main__":
    command(main)
