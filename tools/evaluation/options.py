"""Options that the evaluating tools share."""

import argparse

from dgnet.core.cli import add_device, add_output_path
from dgnet.core.device import choose_device
from dgnet.core.errors import UserError
from dgnet.core.option_types import at_least, expanded_path, run_name, sha256_digits
from eval.images.extractor import Extractor
from eval.images.inception import MEANING, WEIGHTS_NAME, WEIGHTS_SHA256, inception_extractor
from tools.evaluation.reid_extractor import reid_extractor


def add_device_options(parser: argparse.ArgumentParser) -> None:
    """--device, --batch-size and --workers."""
    add_device(parser)
    parser.add_argument(
        "--batch-size", type=at_least(1), default=50, help="images at a time; changes no metric (default: 50)"
    )
    parser.add_argument("--workers", type=at_least(1), help="threads that decode (default: all cores)")


def add_mirrored_option(parser: argparse.ArgumentParser) -> None:
    """--mirrored and --no-mirrored: True, False, or None for what is usual for the network."""
    parser.add_argument(
        "--mirrored",
        action=argparse.BooleanOptionalAction,
        help="features of image and mirror image added, or of the image alone (default: as the network's publication "
        "tests: added for DG-Net, teachers and MGN, alone for other heads)",
    )


def add_extractor_options(parser: argparse.ArgumentParser) -> None:
    """--protocol, --weights, --weights-sha256, --extractor and --mirrored."""
    meanings = "; ".join(f"{name}: {meaning}" for name, meaning in MEANING.items())
    parser.add_argument("--protocol", choices=tuple(MEANING), help=f"{meanings} (default: pytorch-fid)")
    add_weights_options(parser)
    parser.add_argument(
        "--extractor", type=run_name, metavar="RUN_OR_CHECKPOINT", help="a re-ID network of ours: identity space"
    )
    add_output_path(parser)
    add_mirrored_option(parser)


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


def chosen_extractor(args: argparse.Namespace) -> Extractor:
    """The extractor of `add_extractor_options`. `UserError` for options that contradict each other."""
    device = choose_device(args.device)
    if args.extractor is None:
        if args.mirrored is not None:
            raise UserError("--mirrored belongs to a re-ID network: give --extractor, too")
        protocol = args.protocol or "pytorch-fid"
        return inception_extractor(protocol, weights=args.weights, sha256=expected_sha256(args), device=device)
    for name in ("protocol", "weights", "weights-sha256"):
        if getattr(args, name.replace("-", "_")) is not None:
            raise UserError(f"--{name} belongs to the Inception network: give it or --extractor, not both")
    return reid_extractor(args.extractor, args.output_path, device, args.mirrored)
