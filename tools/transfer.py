"""Direct transfer as a table: networks trained on one data set, tested on others without any training there.

    python tools/transfer.py --network market --network duke_teacher --data /data/Market-1501 --data /data/DukeMTMC-reID
    python tools/transfer.py --features market_on_duke.npz --features duke_on_market.npz

A network is a run of DG-Net, of a teacher or of a re-ID model below OUTPUT/outputs, a run's folder, or a file of
weights. Each row is one network on one data set, without and with re-ranking; the same images twice are refused.
--features-folder keeps the features of each row, and a second call with the same folder reads them, if the images
have not changed; identities and cameras are those of the data set now. --features adds a row from a saved file as it
is, labels included: neither its network nor its images are read.

Where a network is tested on two data sets or more, a second table shows its thresholds for "the same person" on other
data: set on one data set for a false-positive rate (FPR), applied to another, with the rates that they have there.
"""

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.checkpoint import file_hash
from dgnet.core.cli import CommandParser, add_mirrored, add_output_path
from dgnet.core.content import content_digest, content_hashes
from dgnet.core.errors import UserError, command
from dgnet.core.files import check_place, replace_text
from dgnet.core.numerics import open_device
from dgnet.core.option_types import expanded_path, path_ending, run_name
from dgnet.data.description import print_dataset
from dgnet.data.query_gallery import add_split_options, read_test_data, split_of
from eval.options import add_device_options
from eval.reid.dataset_features import features_of_dataset
from eval.reid.feature_file import StoredFeatures, load_features
from eval.reid.ranking import PROTOCOLS
from eval.transfer import check_other_images, threshold_table, transfer_rows, transfer_table
from reid_heads.load import load_model
from reid_heads.run_data import warn_of_training_images


def arguments() -> argparse.Namespace:
    parser = CommandParser(__doc__)
    parser.add_argument(
        "--network",
        action="append",
        default=[],
        type=run_name,
        metavar="NAME",
        help="a trained network; repeat for more",
    )
    parser.add_argument(
        "--data", action="append", default=[], type=expanded_path, metavar="DIR", help="a data set; repeat for more"
    )
    parser.add_argument(
        "--features",
        action="append",
        default=[],
        type=expanded_path,
        metavar="FILE",
        help="saved features; repeat for more",
    )
    parser.add_argument(
        "--features-folder",
        type=expanded_path,
        metavar="FOLDER",
        help="folder to save features in and to read them from",
    )
    add_output_path(parser)
    parser.add_argument(
        "--protocol", choices=PROTOCOLS, default="standard", help="protocol of the accuracy (default: standard)"
    )
    parser.add_argument(
        "--output",
        type=path_ending(".json"),
        metavar="FILE.json",
        help="also write the table as JSON; an existing file is replaced",
    )
    add_split_options(parser)
    add_mirrored(parser)
    add_device_options(parser)
    args = parser.parse_args()
    if bool(args.network) != bool(args.data) or not (args.network or args.features):
        raise UserError("a table needs both --network and --data, or --features: none of these makes a row")
    return args


def main() -> int:
    args = arguments()
    for path in (args.output, args.features_folder and args.features_folder / "features.npz"):
        if path:
            check_place(path)
    rows = transfer_rows(features_of_rows(args), args.protocol)
    print(transfer_table(rows))
    if thresholds := threshold_table(rows):
        print("\n" + thresholds)
    if args.output:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        replace_text(args.output, json.dumps(rows, indent=2) + "\n")
    return 0


def features_of_rows(args: argparse.Namespace) -> list[StoredFeatures]:
    """The features of every row, in the order of the options."""
    split = split_of(args)
    datasets, hashes = [], {}
    for path in args.data:
        if str(path) in hashes:
            raise UserError(f"--data must name each data set once, got {path} twice")
        print_dataset(whole := read_test_data(path))
        dataset = split.of(whole)
        images = content_hashes([record.path for record in (*dataset.query, *dataset.gallery)], args.workers)
        hashes[str(path)] = frozenset(images)
        datasets.append((dataset, content_digest(images)[:8]))
    check_other_images(hashes)
    names = [split.name_of(dataset) for dataset, _ in datasets]
    rows = []
    for name in args.network:
        model = load_model(name, output=args.output_path, device=open_device(args.device), mirrored=args.mirrored)
        checkpoint = file_hash(model.weights)
        for (dataset, digits), data in zip(datasets, names, strict=True):
            warn_of_training_images(model.weights, dataset)
            # Weights and images are in the file's name: others under the same names get a file of their own.
            view = "" if model.mirrored else "_image_alone"
            file = f"{Path(name).name}_{checkpoint[:8]}{view}_on_{dataset.root.name}_{digits}.npz"
            rows.append(
                features_of_dataset(
                    dataset,
                    model,
                    checkpoint,
                    network=name,
                    data=data if names.count(data) == 1 else f"{data} ({dataset.root})",
                    file=args.features_folder / file if args.features_folder else None,
                    batch=args.batch_size,
                    workers=args.workers,
                )
            )
    for file in args.features:
        print(f"{file}: taken as it was saved; its images and labels are not compared with a data set", file=sys.stderr)
    return rows + [load_features(file) for file in args.features]


if __name__ == "__main__":
    command(main)
