"""Command-line options of the tools that measure images."""

import argparse
from typing import TypedDict

from dgnet.core.errors import UserError
from dgnet.core.option_types import at_least, expanded_path
from eval.images.diversity import PAIRS, ROUNDS


class DiversityOptions(TypedDict):
    """Which pairs of an identity are compared, and by how many threads."""

    pairs: int  # in a round
    rounds: int
    seed: int
    workers: int | None  # that decode; all cores by default


def add_pair_options(parser: argparse.ArgumentParser) -> None:
    """--dir, --against, those of `add_draw_options`, and --workers."""
    parser.add_argument(
        "--dir", type=expanded_path, required=True, help="a folder with a folder of images for each identity"
    )
    parser.add_argument(
        "--against", type=expanded_path, metavar="DIR", help="the images that those of --dir should look like"
    )
    add_draw_options(parser)
    parser.add_argument("--workers", type=at_least(1), help="threads that decode the pairs (default: all cores)")


def add_draw_options(parser: argparse.ArgumentParser) -> None:
    """--pairs, --rounds and --seed."""
    parser.add_argument("--pairs", type=at_least(1), help=f"of each identity, in a round (default: {PAIRS})")
    parser.add_argument("--rounds", type=at_least(1), help=f"of other pairs (default: {ROUNDS})")
    parser.add_argument("--seed", type=at_least(0), help="draws the pairs (default: 0)")


def diversity_options(args: argparse.Namespace) -> DiversityOptions:
    """The choices of `add_draw_options`, and --workers. `UserError` for any beside --against, which draws nothing."""
    for name in DiversityOptions.__annotations__:
        if getattr(args, name) is not None and getattr(args, "against", None) is not None:
            raise UserError(f"--{name} belongs to the diversity over drawn pairs: give it or --against, not both")
    return DiversityOptions(
        pairs=args.pairs or PAIRS, rounds=args.rounds or ROUNDS, seed=args.seed or 0, workers=args.workers
    )
