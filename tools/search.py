"""Search a gallery for the images most similar to a query; prints a list and draws a picture.

    python tools/search.py --name bnneck --query one.jpg --gallery /data/Market-1501/query
    python tools/search.py --name X.pth --query one.jpg two.jpg --gallery gallery.npz --top 20 --output found.png

The gallery is a folder, or a file of tools/extract.py made by the same weights and preprocessing, whose images have not
changed since (those that are not there any more are not looked at). The query's own file is not listed. Similarity is
the cosine of the features, from -1 to 1. Where file names tell identities (as those of Market-1501, DukeMTMC-reID and
CUHK03-NP do), or the gallery has a folder for each person and the query is in one of them or of that name, the picture
frames the query's person in green and others in orange.

With a calibration beside the weights (tools/evaluate_reid.py --calibrate) each image is called the same person or not,
at a false-positive rate: the share of images of other people that are called the same person all the same.
"""

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from dgnet.core.checkpoint import file_hash
from dgnet.core.cli import CommandParser
from dgnet.core.content import content_hashes
from dgnet.core.errors import UserError, command
from dgnet.core.files import check_place
from dgnet.core.numerics import open_device
from dgnet.core.option_types import above, at_least, expanded_path, path_ending
from dgnet.data.datasets import LAYOUTS
from dgnet.data.readers.names import market_name
from dgnet.data.recognition import recognize
from dgnet.data.records import JUNK
from dgnet.models.calibration import OTHER, OTHER_DOMAIN, SAME, find_calibration
from eval.images.extractor import features_of
from eval.reid.embedding_model import extractor_of, preprocessing_of
from eval.reid.feature_file import SplitFeatures, load_features
from eval.reid.gallery_index import GalleryIndex, load_index, make_index, save_index
from eval.reid.gallery_search import NearestImages, nearest_in_gallery
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
    parser.add_argument(
        "--index",
        type=path_ending(".npz"),
        metavar="FILE.npz",
        help="an index of the gallery, made where there is none: faster in large galleries, and may miss images "
        "(needs faiss-cpu; default: the exact search)",
    )
    parser.add_argument(
        "--false-positive-rate",
        type=above(0, 1),
        metavar="RATE",
        help='of "same person" (default: 0.001, or the smallest above it that the calibration holds)',
    )
    add_model_options(parser)
    args = parser.parse_args()
    args.output = picture_file(args.output)
    if args.output.exists() and not args.overwrite:
        raise UserError(f"{args.output} already exists: name another file or give --overwrite")
    for path in filter(None, (args.output, args.index)):
        check_place(path)
    model = load_model(args.name, args.model_name, device=open_device(args.device), mirrored=args.mirrored)
    calibration = find_calibration(model.weights, preprocessing_of(model))
    if calibration is None and args.false_positive_rate is not None:
        raise UserError(f"--false-positive-rate: {no_calibration(model.weights)}")
    threshold = calibration.at(args.false_positive_rate) if calibration else None
    gallery = gallery_features(args.gallery, model, args.batch_size, args.workers)
    index = index_of(args.index, gallery) if args.index else None
    queries = read_images(args.query, model.height, model.width)  # refuses what is no image of a person
    folders = person_folders(gallery.paths)
    rows, similarities, right = [], [], []
    features = features_of(args.query, extractor_of(model), batch=args.batch_size, workers=args.workers)
    search = index.nearest if index else partial(exact_search, gallery)
    for query, found in zip(args.query, nearest_images(features, gallery, args.query, args.top, search), strict=True):
        if not found:
            raise UserError(f"{args.gallery}: holds no image beside {query} itself")
        rows.append([Path(gallery.paths[place]) for place, _ in found])
        right.append(
            [same_person(gallery.identities[place], query, Path(gallery.paths[place]), folders) for place, _ in found]
        )
        similarities.append([similarity for _, similarity in found])
        print(f"{query}:")
        for rank, (path, value) in enumerate(zip(rows[-1], similarities[-1], strict=True), 1):
            verdict = f"  {threshold.verdict(value):{len(OTHER)}}" if threshold else ""
            print(f"  {rank:3d}  {value:.4f}{verdict}  {path}")
    if calibration and threshold:
        print(f"{SAME}: {threshold}, measured on {calibration.data} ({calibration.protocol})")
        if not calibration.is_of(args.gallery, gallery.content):
            print(OTHER_DOMAIN.format(gallery=args.gallery, data=calibration.data))
    else:
        print(no_calibration(model.weights))
    ranked = [read_images(row, model.height, model.width) for row in rows]
    scale = max(1, 128 // model.height)  # small images stay visible
    write_picture(args.output, ranked_lists(queries, ranked, similarities, right, scale=scale), args.overwrite)
    return 0


def no_calibration(weights: Path) -> str:
    """Why nothing is called the same person."""
    return (
        f"{weights} has no calibration, so nothing is called the {SAME}: tools/evaluate_reid.py --calibrate writes one"
    )


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


def exact_search(gallery: SplitFeatures, features: np.ndarray, count: int) -> NearestImages:
    """The nearest images, none missed."""
    return nearest_in_gallery(features, gallery.features, count)


def index_of(path: Path, gallery: SplitFeatures) -> GalleryIndex:
    """The index in a file, made where there is none. `UserError` for the index of another gallery."""
    if path.exists():
        index, words = load_index(path, gallery.features), "as measured when it was made"
    else:
        index, words = make_index(gallery.features), "made and measured now"
        save_index(path, index)
    print(f"{path}: recall@10 {100 * index.recall:.1f} % of the exact answer, {words}", file=sys.stderr)
    return index


def nearest_images(
    features: np.ndarray,
    gallery: SplitFeatures,
    queries: Sequence[Path],
    count: int,
    search: Callable[[np.ndarray, int], NearestImages],
) -> list[list[tuple[int, float]]]:
    """For each query, of `features` `[query, feature]`, the nearest gallery images: place and similarity.

    The query's own file is not among them.
    """
    # It may be in the gallery, even more than once: then one more is asked for, or more.
    nearest = search(features, count + 1)
    lists = []
    for number, query in enumerate(queries):
        pairs = list(zip(nearest.places[number].tolist(), nearest.similarities[number].tolist(), strict=True))
        others = [pair for pair in pairs if not same_file(gallery.paths[pair[0]], query)]
        if len(others) < count and len(pairs) < len(gallery):
            (others,) = nearest_images(features[number][None], gallery, [query], 2 * count, search)
        lists.append(others[:count])
    return lists


def same_person(identity: int, query: Path, image: Path, folders: set[Path]) -> bool | None:
    """Whether an image of this identity shows the query's person; None where one of them is not known.

    `folders`: those of the gallery that hold one person each, see `person_folders`.
    """
    known = market_name(query.name)
    if known is not None:
        return None if JUNK in (known[0], identity) else bool(known[0] == identity)
    if identity != JUNK or image.resolve().parent not in folders:
        return None
    person = query.resolve().parent.name
    return image.resolve().parent.name == person if person in {folder.name for folder in folders} else None


def person_folders(images: Sequence[str]) -> set[Path]:
    """The folders of the images where they are a data set with a folder for each person; else none."""
    # Galleries may hold millions of images: their folders are resolved, not they.
    folders = {Path(folder).resolve() for folder in {os.path.dirname(image) for image in images}}
    above = {folder.parent for folder in folders}
    if len(folders) < 2 or len(above) > 1:
        return set()
    try:
        layout, root = recognize(above.pop(), LAYOUTS)
    except UserError:
        return set()
    return folders if layout == "folders" and root.resolve() in {folder.parent for folder in folders} else set()


def same_file(first: str, second: Path) -> bool:
    return Path(first).resolve() == second.resolve()


if __name__ == "__main__":
    command(main)
