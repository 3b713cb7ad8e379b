"""Measure the re-identification accuracy of a trained network, and write a report.

    python tools/evaluate_reid.py --name demo
    python tools/evaluate_reid.py --name outputs/market_teacher/teacher.pth --data /data/MSMT17 --report transfer
    python tools/evaluate_reid.py --name demo --data photographs --leave-one-out --without-cameras
    python tools/evaluate_reid.py --name bnneck --centralization 2
    python tools/evaluate_reid.py --name bnneck --generator market --swaps 4 --swap-gallery

NAME is a run of DG-Net, of a teacher or of a re-ID model below OUTPUT/outputs, a run's folder, or a file of weights.
Without --data, the accuracy is that on the test split of the data set it was trained on. Prints mAP, CMC and mINP
without and with re-ranking, verification (the same person?) and open-set identification; --report FOLDER also writes
report.json, report.md and report.html, with the curves and the best and worst ranked lists. --expansion replaces each
query by a mean of itself and its nearest gallery images. The protocol single-gallery-shot (CUHK03's first) draws one
gallery image per person and prints the CMC in place of mAP and mINP.

--calibrate also writes thresholds for "the same person" beside the weights (NAME.pth.calibration.json), for
tools/search.py and tools/explore.py: one for each false-positive rate that the data can resolve, with its interval.

Two ways of changing the features without training are measured beside the plain ones, with the difference in mAP and
its interval. --centralization joins each image with its mutual nearest neighbors, queries among queries and gallery
images among gallery images. --generator joins each query with its swaps onto a few structures (with --swap-gallery each
gallery image, too): as many generated images as queries times --swaps, made anew by every call and kept nowhere.
"""

import argparse
import shlex
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.calibration import calibration_file, write_calibration
from dgnet.core.checkpoint import file_hash
from dgnet.core.cli import CommandParser, add_mirrored, add_output_path
from dgnet.core.content import labeled_digest
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError, command
from dgnet.core.files import check_place
from dgnet.core.numerics import open_device
from dgnet.core.option_types import expanded_path, path_ending, run_name
from dgnet.core.stopwatch import Stopwatch
from dgnet.data.datasets import LAYOUTS
from dgnet.data.description import print_dataset, remark_on_tracks, split_counts
from dgnet.data.query_gallery import add_split_options, read_test_data, split_of
from dgnet.data.records import Dataset
from dgnet.data.training_data import open_dataset, require_data_of_run
from dgnet.generation.engine import generate
from dgnet.generation.load import find_generator
from dgnet.generation.swap_pairs import one_image_per_identity
from dgnet.runs.loaded_generator import LoadedGenerator
from eval.accuracy_options import add_accuracy_options, check_accuracy_options, chosen_expansion, chosen_reranking
from eval.feature_joining_options import (
    SWAPS,
    check_centralization,
    chosen_centralization,
)
from eval.options import add_device_options
from eval.reid.dataset_features import features_of_dataset, query_and_gallery
from eval.reid.embedding_model import description
from eval.reid.swap_features import Swaps, sides_with_swaps
from eval.reid_accuracy import accuracy_of
from eval.reid_calibration import calibrate
from eval.report.accuracy import unmatched_queries
from eval.report.report import PAGE_NAME, Report, as_table, write_report
from reid_heads.load import load_model
from reid_heads.run_data import dataset_of_run, warn_of_training_images


def arguments() -> argparse.Namespace:
    parser = CommandParser(__doc__)
    parser.add_argument("--name", type=run_name, required=True, help="a run, its folder, or a file of weights")
    add_output_path(parser)
    parser.add_argument(
        "--data", type=expanded_path, metavar="DIR", help="the data set (default: the one it was trained on)"
    )
    parser.add_argument("--layout", default="auto", help=f"layout of --data: auto (default), {', '.join(LAYOUTS)}")
    add_accuracy_options(parser)
    parser.add_argument(
        "--features",
        type=path_ending(".npz"),
        metavar="FILE",
        help="an .npz file to read the features from or save them to",
    )
    parser.add_argument(
        "--calibrate",
        action="store_true",
        help='write the thresholds for "the same person" beside the weights; earlier ones are replaced',
    )
    parser.add_argument("--report", type=expanded_path, metavar="FOLDER", help="folder of the report")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing report")
    add_split_options(parser)
    add_mirrored(parser)
    add_device_options(parser)
    args = parser.parse_args()
    check_accuracy_options(args)
    return args


def main() -> int:
    args = arguments()
    if args.report and (args.report / PAGE_NAME).exists() and not args.overwrite:
        raise UserError(f"{args.report / PAGE_NAME} already exists: name another folder or give --overwrite")
    for path in (args.features, args.report and args.report / PAGE_NAME):
        if path:
            check_place(path)
    expansion, centralization = chosen_expansion(args), chosen_centralization(args)
    watch = Stopwatch()
    model = load_model(args.name, output=args.output_path, device=open_device(args.device), mirrored=args.mirrored)
    weights = model.weights
    if args.calibrate:
        check_place(calibration_file(weights))
    split = split_of(args)
    whole = read_test_data(args.data, args.layout) if args.data else dataset_of_run(weights)
    print_dataset(whole)
    dataset = split.of(whole)
    warn_of_training_images(weights, dataset)
    reranking = chosen_reranking(dataset, args.k1, args.k2, args.weight, args.expansion)
    check_centralization(dataset.query, dataset.gallery, centralization, str(dataset.root))
    generator, swaps = (None, None) if args.generator is None else chosen_swaps(args, dataset)
    with watch.stage("features"):
        features = features_of_dataset(
            dataset,
            model,
            file_hash(weights),
            network=args.name,
            data=split.name_of(dataset),
            file=args.features,
            batch=args.batch_size,
            workers=args.workers,
        )
    with_swaps = None
    if swaps is not None:
        with watch.stage("swaps and their features"):
            with_swaps = sides_with_swaps(
                *query_and_gallery(features), dataset, swaps, model, batch=args.batch_size, workers=args.workers
            )
    with watch.stage("ranking and re-ranking"):
        accuracy = accuracy_of(
            features,
            dataset,
            description(model),
            protocol=args.protocol,
            reranking=reranking,
            expansion=expansion,
            centralization=centralization,
            with_swaps=with_swaps,
            repetitions=10 if args.repetitions is None else args.repetitions,
            seed=args.seed or 0,
            split=str(split),
        )
    print(as_table(accuracy.metrics, accuracy.not_measured))
    if unmatched := unmatched_queries(accuracy.plain):
        print(unmatched)
    if args.report:
        remark = remark_on_tracks(whole)
        report = Report(
            f"Re-identification: {args.name} on {dataset.root.name}",
            accuracy.metrics,
            command=shlex.join(["python", "tools/evaluate_reid.py", *sys.argv[1:]]),
            splits=split_counts(whole),
            data={"query and gallery": labeled_digest([*dataset.query, *dataset.gallery], args.workers)},
            protocols=accuracy.protocols,
            not_measured=accuracy.not_measured | ({"accuracy on people": remark} if remark else {}),
            checkpoints={str(path): file_hash(path) for path in (weights, *(generator.files if generator else ()))},
            seconds=watch.seconds,
        )
        page = write_report(report, args.report, overwrite=args.overwrite, sections=accuracy.sections)[-1]
        print(f"\n{page}: {page.stat().st_size / 1000:,.0f} kB, one file")
    if args.calibrate:  # after the report: it refuses what has too few pairs for a threshold
        with watch.stage("calibration"):
            calibration = calibrate(accuracy, dataset, str(split), args.workers)
        print(f"\n{write_calibration(weights, calibration)}: the same person on {calibration.data}, 95 % intervals")
        print("\n".join(f"  from {threshold}" for threshold in calibration.thresholds))
    return 0


def chosen_swaps(args: argparse.Namespace, dataset: Dataset) -> tuple[LoadedGenerator, Swaps]:
    """The generator of --generator, and swaps by it onto structures of its own training images.

    `UserError` where these are not there, or show fewer people than there are to be swaps.
    """
    generator = find_generator(args.generator, args.output_path, device=open_device(args.device))
    warn_of_training_images(generator.files[0], dataset)
    require_data_of_run(generator.config.data, "swaps take the structures of its training images")
    trained_on = open_dataset(generator.config.data, Distributed.start("cpu"))
    count, seed = args.swaps or SWAPS, args.seed or 0
    structures = one_image_per_identity(trained_on.train, count, seed, "swaps of test images")
    if len(structures) < count:
        raise UserError(
            f"--swaps must be at most {len(structures)}, an image of each person that {generator.name} was trained on, "
            f"got {count}"
        )
    return generator, Swaps(
        partial(generate, generator, batch_size=args.batch_size),
        f"{generator.name} after {generator.iteration} iterations",
        structures,
        f"seed {seed}",
        args.swap_weight or 1.0,
        args.swap_gallery,
    )


if __name__ == "__main__":
    command(main)
