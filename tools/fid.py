"""The distance between two sets of images: FID, KID, precision, recall, density and coverage.

    python tools/fid.py REAL GENERATED
    python tools/fid.py REAL GENERATED --protocol clean --kid --precision-recall --weights pt_inception.pth
    python tools/fid.py REAL GENERATED --extractor demo_teacher
    python tools/fid.py --save-stats REAL real.npz

REAL and GENERATED are folders of any nesting, with images of any sizes and formats, or .npz files of statistics (those
of pytorch-fid, too). With --extractor, a re-ID network replaces Inception: the Frechet distance in identity space,
which needs no download.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.cli import CommandParser, add_mirrored, add_output_path
from dgnet.core.errors import UserError, command
from dgnet.core.images import image_files, print_passed_over
from dgnet.core.numerics import open_device
from dgnet.core.option_types import expanded_path, run_name
from eval.extractor import Extractor
from eval.images.frechet import check_free, save_statistics
from eval.images.image_sets import check_source, read_set
from eval.images.inception import FEATURES, MEANING, inception_extractor
from eval.images.precision_recall import check_numbers
from eval.images.set_metrics import set_metrics
from eval.options import add_device_options, add_weights_options, expected_sha256
from eval.reid.embedding_model import extractor_of
from eval.report.report import as_table
from reid_heads.load import load_model


def main() -> int:
    parser = CommandParser(__doc__)
    parser.add_argument("real", type=expanded_path, metavar="REAL", help="a folder or .npz file")
    parser.add_argument(
        "generated", type=expanded_path, metavar="GENERATED", help="likewise; with --save-stats the file to write"
    )
    add_extractor_options(parser)
    parser.add_argument("--kid", action="store_true", help="also the kernel inception distance")
    parser.add_argument("--precision-recall", action="store_true", help="also precision, recall, density and coverage")
    parser.add_argument("--save-stats", action="store_true", help="write the first set's statistics to the second path")
    add_device_options(parser)
    args = parser.parse_args()
    first, second = args.real, args.generated
    if args.save_stats:
        if args.kid or args.precision_recall:
            raise UserError("--save-stats compares nothing: --kid and --precision-recall need two sets")
        check_free(second)  # before the features of every image
    for path in (first,) if args.save_stats else (first, second):
        if not path.exists():
            raise UserError(f"{path}: no such folder of images or .npz file of statistics")
        length = FEATURES if args.extractor is None else None
        check_source(path, features=args.kid or args.precision_recall, length=length)
    if args.precision_recall:
        check_numbers(len(image_files(first)), len(image_files(second)))
    extractor = chosen_extractor(args)
    print_passed_over(first, second)
    options = {"batch": args.batch_size, "workers": args.workers}
    real = read_set(first, extractor, **options)
    if args.save_stats:
        save_statistics(real.statistics, second)
        print(f"{second}: statistics of {real.statistics.images} images, {extractor.name}")
        return 0
    generated = read_set(second, extractor, **options)
    print(as_table(set_metrics(real, generated, extractor, kid=args.kid, precision_and_recall=args.precision_recall)))
    return 0


def add_extractor_options(parser: argparse.ArgumentParser) -> None:
    """--protocol, --weights, --weights-sha256, --extractor and --mirrored."""
    meanings = "; ".join(f"{name}: {meaning}" for name, meaning in MEANING.items())
    parser.add_argument("--protocol", choices=tuple(MEANING), help=f"{meanings} (default: pytorch-fid)")
    add_weights_options(parser)
    parser.add_argument(
        "--extractor", type=run_name, metavar="RUN_OR_CHECKPOINT", help="a re-ID network in place of Inception"
    )
    add_output_path(parser)
    add_mirrored(parser)


def chosen_extractor(args: argparse.Namespace) -> Extractor:
    """The extractor of `add_extractor_options`. `UserError` for options that contradict each other."""
    device = open_device(args.device)
    if args.extractor is None:
        if args.mirrored is not None:
            raise UserError("--mirrored belongs to a re-ID network: give --extractor, too")
        protocol = args.protocol or "pytorch-fid"
        return inception_extractor(protocol, weights=args.weights, sha256=expected_sha256(args), device=device)
    for name in ("protocol", "weights", "weights-sha256"):
        if getattr(args, name.replace("-", "_")) is not None:
            raise UserError(f"--{name} belongs to the Inception network: give it or --extractor, not both")
    model = load_model(args.extractor, output=args.output_path, device=device, mirrored=args.mirrored)
    return extractor_of(model)


if __name__ == "__main__":
    command(main)
