"""Search a gallery for the images, or the tracks of films, most similar to a query; prints a list and draws a picture.

    python tools/search.py --name bnneck --query one.jpg --gallery /data/Market-1501/query
    python tools/search.py --name X.pth --query one.jpg two.jpg --gallery gallery.npz --top 20 --output found.png
    python tools/search.py --name bnneck --query one.jpg --gallery people     # of tools/find_people.py: where and when?

The gallery is a folder, or a file of tools/extract.py made by the same weights and preprocessing, whose images have not
changed since (those that are not there any more are passed over). The query's own file is not listed. Similarity is
the cosine of the features, from -1 to 1. Where file names tell identities (as those of Market-1501, DukeMTMC-reID and
CUHK03-NP do), or the gallery has a folder for each person and the query is in one of them or of that name, the picture
frames the query's person in green and others in orange.

Of a gallery of tools/find_people.py, whole tracks are ranked by the mean feature of their crops, and listed with camera
and time. A page beside the picture (found.html), one file, shows them on a time line of each camera. The picture frames
what is called the same person.

With a calibration beside the weights (tools/evaluate_reid.py --calibrate) each image is called the same person or not,
at a false-positive rate: the share of images of other people that are called the same person all the same.
"""

import argparse
import shlex
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.errors import UserError, command

# isort: split
# dgnet says how idle threads wait before torch is loaded.
import torch
from jaxtyping import UInt8
from torch import Tensor

from dgnet.core.calibration import OTHER, SAME
from dgnet.core.checkpoint import file_hash
from dgnet.core.cli import CommandParser
from dgnet.core.files import check_place, replace_text
from dgnet.core.images import check_outside, image_size, read_image
from dgnet.core.numerics import open_device
from dgnet.core.operating_point import OperatingPoint
from dgnet.core.option_types import above, at_least, expanded_path, path_ending
from dgnet.data.cache import ImageCache
from dgnet.data.person_labels import person_folders, same_person
from dgnet.data.readers.names import market_name
from dgnet.data.records import JUNK
from dgnet.video.gallery import is_gallery
from dgnet.video.gallery_labels import gallery_of_crops, known_labels, labels_of
from dgnet.video.tracks import Embed, pooled_tracks, remarks_on_tracks
from eval.extractor import features_of
from eval.image_files import files_of
from eval.options import add_model_options
from eval.reid.embedding_model import extractor_of, preprocessing_of
from eval.reid.feature_file import SplitFeatures
from eval.reid.file_features import SPLIT, features_of_files, read_file_features
from eval.reid.gallery_index import open_index
from eval.reid.nearest_files import Search, exact_search, nearest_images
from eval.report.page import code_line
from eval.tracks.page import tracks_page
from eval.tracks.ranking import count_further, rank_tracks
from reid_heads.load import load_model
from reid_heads.loaded_model import LoadedModel
from visual.drawing.picture_file import picture_file
from visual.drawing.ranked_lists import ranked_lists
from visual.image_input import read_images
from visual.job import write_picture
from visual.options import picture_output

# Of a query, its width over its height, beside that of the model's images.
_MUCH_WIDER = 2


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
    require_free(args.output, args.overwrite)
    for path in filter(None, (args.output, args.index)):
        check_place(path)
    if not is_gallery(args.gallery):  # of whose images a table tells
        check_outside(args.output, args.gallery)
    model = load_model(args.name, args.model_name, device=open_device(args.device), mirrored=args.mirrored)
    point = OperatingPoint.of(model.weights, preprocessing_of(model), args.false_positive_rate)
    read_images(args.query, model.height, model.width)  # refuses what is no image of a person
    warn_of_scenes(args.query, model.height, model.width)
    embed = partial(features_of, extractor=extractor_of(model), batch=args.batch_size, workers=args.workers)
    if is_gallery(args.gallery):
        search_tracks(args, model, args.gallery, embed, embed, point)
        return 0
    gallery = gallery_features(args, model)
    people = gallery_of_crops([Path(path) for path in gallery.paths]) if args.gallery.is_file() else None
    if people is not None:
        search_tracks(args, model, people, embed, gallery.lookup(args.gallery), point)
    else:
        search_images(args, model, gallery, embed, point)
    return 0


def warn_of_scenes(queries: Sequence[Path], height: int, width: int) -> None:
    """Say which queries are much wider than what a model of this size was trained on."""
    for query in queries:
        tall, wide = image_size(query)
        if wide * height > _MUCH_WIDER * tall * width:
            print(
                f"warning: {query} is {wide}x{tall} pixels and is squeezed to {width}x{height}: a query shows one "
                "person, cut out as the crops of the gallery are",
                file=sys.stderr,
            )


def gallery_features(args: argparse.Namespace, model: LoadedModel) -> SplitFeatures:
    """The features of the gallery's images, extracted or read."""
    checkpoint, options = file_hash(model.weights), {"batch": args.batch_size, "workers": args.workers}
    if not args.gallery.is_dir():
        return read_file_features(args.gallery, model, checkpoint, known_labels, **options)
    files = files_of([args.gallery])
    stored = features_of_files(files, model, checkpoint, known_labels, data=str(args.gallery), **options)
    return stored.splits[SPLIT]


def require_free(path: Path, overwrite: bool) -> None:
    """`UserError` where a file may not be replaced."""
    if path.exists() and not overwrite:
        raise UserError(f"{path} already exists: name another file or give --overwrite")


def search_images(
    args: argparse.Namespace, model: LoadedModel, gallery: SplitFeatures, embed: Embed, point: OperatingPoint
) -> None:
    """Print and draw the nearest images."""
    search: Search = partial(exact_search, gallery)
    if args.index:
        index, there = open_index(args.index, gallery.features)
        words = "as measured when it was made" if there else "made and measured now"
        print(f"{args.index}: recall@10 {100 * index.recall:.1f} % of the exact answer, {words}", file=sys.stderr)
        search = index.nearest
    folders = person_folders(gallery.paths)
    rows, similarities, right = [], [], []
    nearest = nearest_images(embed(args.query), gallery, args.query, args.top, search)
    for query, found in zip(args.query, nearest, strict=True):
        if not found:
            raise UserError(f"{args.gallery}: holds no image beside {query} itself")
        paths, values = [Path(gallery.paths[place]) for place, _ in found], [similarity for _, similarity in found]
        named = market_name(query.name)
        identities = [named[0] if named else JUNK, *(int(gallery.identities[place]) for place, _ in found)]
        own, *others = labels_of([query, *paths], identities, folders)
        rows.append(paths)
        similarities.append(values)
        right.append([same_person(own, other) for other in others])
        print(f"{query}:")
        for rank, (path, value) in enumerate(zip(paths, values, strict=True), 1):
            print(f"  {rank:3d}  {value:.4f}{column(point.verdict(value))}  {path}")
    print("\n".join(point.remarks(args.gallery, gallery.content)))
    ranked = [read_images(row, model.height, model.width) for row in rows]
    draw(args, model, ranked, similarities, right)


def search_tracks(
    args: argparse.Namespace, model: LoadedModel, people: Path, embed: Embed, of_crops: Embed, point: OperatingPoint
) -> None:
    """Print and draw the nearest tracks of a gallery of people, and write the page."""
    if args.index:
        raise UserError(f"--index is for galleries of images; the tracks of {people} are searched exactly without it")
    page = args.output.with_suffix(".html")
    require_free(page, args.overwrite)
    tracks, remarks = pooled_tracks(people, of_crops), remarks_on_tracks(point, people, args.workers)
    features = embed(args.query)
    rankings = rank_tracks(features, tracks, args.top, threshold=point.threshold, files=args.query)
    further = count_further(features, tracks, args.top, point.threshold)
    for query, ranking, more in zip(args.query, rankings, further, strict=True):
        print(f"{query}:")
        for found in ranking:
            where = f"{found.place}, {found.when}, track {found.track.track}, person {found.track.identity}"
            note = f"  {found.note}" if found.note else ""
            print(
                f"  {found.rank:3d}  {found.similarity:.4f}{column(found.verdict)}  {where}  {found.track.best}{note}"
            )
        if more:
            print(f"  {more} further tracks are called the {SAME}: --top {args.top + more} lists them")
    print("\n".join(remarks))
    # Crops of people who are far away are smaller than `read_images` allows.
    files = [[found.track.best for found in ranking] for ranking in rankings]
    ranked = [ImageCache(row).gather(torch.arange(len(row)), model.height, model.width) for row in files]
    same = [[True if found.same else None for found in ranking] for ranking in rankings]
    below = [
        [f"cam {found.track.camera}, {found.begins.partition('.')[0]}" for found in ranking] for ranking in rankings
    ]
    draw(args, model, ranked, [[found.similarity for found in ranking] for ranking in rankings], same, below)
    queries = [(query.name, read_image(query)) for query in args.query]
    line = code_line("Searched by", shlex.join(["python", "tools/search.py", *sys.argv[1:]]))
    replace_text(page, tracks_page(queries, rankings, tracks, further=further, notes=remarks, closing=[line]))
    print(page)


def column(verdict: str) -> str:
    """A verdict as a column of the list."""
    return f"  {verdict:{len(OTHER)}}" if verdict else ""


def draw(
    args: argparse.Namespace,
    model: LoadedModel,
    ranked: list[UInt8[Tensor, "_ 3 height width"]],
    similarities: list[list[float]],
    right: list[list[bool | None]],
    below: list[list[str]] | None = None,
) -> None:
    """Write the picture of the ranked lists."""
    queries = read_images(args.query, model.height, model.width)
    scale = max(1, 128 // model.height)  # small images stay visible
    write_picture(args.output, ranked_lists(queries, ranked, similarities, right, below, scale=scale), args.overwrite)


if __name__ == "__main__":
    command(main)
