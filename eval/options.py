"""Command-line options of the tools that evaluate."""

import argparse
from typing import TypedDict

from dgnet.core.cli import add_device, add_mirrored
from dgnet.core.errors import UserError
from dgnet.core.option_types import at_least, expanded_path, run_name, sha256_digits
from eval.images.diversity import PAIRS, ROUNDS
from eval.images.inception import WEIGHTS_NAME, WEIGHTS_SHA256


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
    """--pairs-per-identity, --rounds and --seed."""
    parser.add_argument(
        "--pairs-per-identity",
        dest="pairs",
        type=at_least(1),
        help=f"pairs of each identity in a round (default: {PAIRS})",
    )
    parser.add_argument("--rounds", type=at_least(1), help=f"rounds, each of other pairs (default: {ROUNDS})")
    parser.add_argument("--seed", type=at_least(0), help="seed of the pairs (default: 0)")


def diversity_options(args: argparse.Namespace) -> DiversityOptions:
    """The choices of `add_draw_options`, and --workers. `UserError` for any beside --against, which draws nothing."""
    for name in DiversityOptions.__annotations__:
        if getattr(args, name) is not None and getattr(args, "against", None) is not None:
            option = "pairs-per-identity" if name == "pairs" else name
            raise UserError(f"--{option} belongs to the diversity over drawn pairs: give it or --against, not both")
    return DiversityOptions(
        pairs=args.pairs or PAIRS, rounds=args.rounds or ROUNDS, seed=args.seed or 0, workers=args.workers
    )


def add_device_options(parser: argparse.ArgumentParser) -> None:
    """--device, --batch-size and --workers."""
    add_device(parser)
    parser.add_argument(
        "--batch-size", type=at_least(1), default=50, help="images at a time; changes no metric (default: 50)"
    )
    parser.add_argument("--workers", type=at_least(1), help="threads that decode images (default: all cores)")


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


def add_weights_options(parser: argparse.ArgumentParser) -> None:
    """--weights and --weights-sha256."""
    parser.add_argument(
        "--weights", type=expanded_path, metavar="FILE", help=f"{WEIGHTS_NAME} (default: torch's copy, or a download)"
    )
    parser.add_argument(
        "--weights-sha256",
        type=sha256_digits,
        metavar="DIGITS",
        help="what the file's SHA-256 must begin with (default: that of the published file)",
    )


def expected_sha256(args: argparse.Namespace) -> str:
    """What the SHA-256 of Inception's weights must begin with."""
    return args.weights_sha256 or WEIGHTS_SHA256
