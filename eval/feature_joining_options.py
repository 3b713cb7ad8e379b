"""Command-line options of features that are joined with others at test time, without training."""

import argparse
from collections.abc import Sequence

from dgnet.core.errors import UserError
from dgnet.core.option_types import above, at_least, run_name
from eval.datasets import ImageRecord
from eval.reid.centralization import NeighborCentralization
from eval.reid.labels import JUNK

SWAPS = 4


def add_feature_joining_options(parser: argparse.ArgumentParser) -> None:
    """--centralization, --generator and those that belong to them."""
    parser.add_argument(
        "--centralization",
        type=at_least(1),
        metavar="N",
        help="each image is joined with those of its N nearest that have it among their nearest, too; 2 is the paper's "
        "(default: none)",
    )
    parser.add_argument(
        "--centralization-k2", type=at_least(1), metavar="N", help="how many nearest they have (default: as many)"
    )
    parser.add_argument("--generator", type=run_name, metavar="RUN", help="a run of DG-Net that swaps the queries")
    parser.add_argument("--swaps", type=at_least(1), metavar="N", help=f"swaps of each image (default: {SWAPS})")
    parser.add_argument(
        "--swap-weight", type=above(0), metavar="W", help="weight of each swap beside the image's own 1 (default: 1)"
    )
    parser.add_argument("--swap-gallery", action="store_true", help="swap the gallery's images, too")


def check_feature_joining_options(args: argparse.Namespace) -> None:
    """`UserError` for options that do not belong together."""
    for name in ("swaps", "swap_weight", "swap_gallery"):
        if args.generator is None and getattr(args, name):
            raise UserError(f"--{name.replace('_', '-')} belongs to --generator: give that, too")
    if args.centralization is None and args.centralization_k2 is not None:
        raise UserError("--centralization-k2 belongs to --centralization: give that, too")
    if args.centralization is not None and args.leave_one_out:
        raise UserError(
            "--centralization cannot be measured with --leave-one-out: a query would be joined with its own matches"
        )


def chosen_centralization(args: argparse.Namespace) -> NeighborCentralization | None:
    """That of --centralization, if it was given."""
    if args.centralization is None:
        return None
    return NeighborCentralization(args.centralization, args.centralization_k2 or args.centralization)


def check_centralization(
    query: Sequence[ImageRecord], gallery: Sequence[ImageRecord], asked: NeighborCentralization | None, data: str
) -> None:
    """`UserError` where queries or gallery without junk are too few: known before any feature is computed.

    `data` names the data set.
    """
    if asked is None:
        return
    without_junk = sum(record.identity != JUNK for record in gallery)
    largest = min(len(query), without_junk) - 1
    for name, count in (("--centralization", asked.k1), ("--centralization-k2", asked.k2)):
        if count > largest:
            there = f"the {len(query)} queries and {without_junk} gallery images of {data} without junk"
            raise UserError(f"{name} must be at most {largest} with {there}, got {count}")
