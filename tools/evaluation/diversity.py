"""Diversity within identities as metrics, for the tools that measure it."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict

from dgnet.core.errors import UserError
from dgnet.core.option_types import at_least, expanded_path
from eval.images.diversity import DSSIM, HEIGHT, PAIRS, ROUNDS, WIDTH, Diversity, PairMeasure, diversity
from eval.report.result import MetricValue

SECTION = "Intra-identity diversity"


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


def diversity_metrics(
    groups: Mapping[str, Sequence[Path]],
    measures: Sequence[PairMeasure],
    *,
    of: str = "",
    pairs: int = PAIRS,
    rounds: int = ROUNDS,
    seed: int = 0,
    workers: int | None = None,
) -> list[MetricValue]:
    """The diversity by each measure; `of` says whose images these are. DSSIM in Lab follows the protocol `dgnet`."""
    found = diversity(groups, measures, pairs=pairs, rounds=rounds, seed=seed, workers=workers)
    metrics = []
    for name, result in found.items():
        said = f"{name}, {of}" if of else name
        protocol = f"{_protocol(name)}: {_pairs(result, pairs, rounds)}"
        if name != DSSIM.name:
            metrics.append(MetricValue(SECTION, said, result.mean, protocol=protocol, note="higher is more diverse"))
            continue
        note = 'a diversity, not a fidelity: the original calls it "SSIM"'
        metrics.append(MetricValue(SECTION, said, result.midpoint, protocol=protocol, note=note))
        metrics.append(
            MetricValue(SECTION, f"{said}, half-range", result.half_range, protocol=protocol, note="between the rounds")
        )
    return metrics


def _protocol(name: str) -> str:
    return "dgnet" if name == DSSIM.name else "clean"


def _pairs(result: Diversity, pairs: int, rounds: int) -> str:
    skipped = f", {result.skipped} of a single image skipped" if result.skipped else ""
    return f"{pairs} pairs of each of {result.identities} identities{skipped}, {rounds} rounds, {HEIGHT}x{WIDTH}"
