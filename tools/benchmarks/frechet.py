"""`frechet`: the Frechet distance of two sets' statistics, in turn with pytorch-fid's.

Seconds of each (the median of the rounds; ours first in each), the ratio, and how far the two values are apart. The
statistics are those of normally distributed features, mixed and with a falling spectrum as Inception's is.
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from pytorch_fid.fid_score import calculate_frechet_distance

from dgnet.core.machine import machine, versions
from dgnet.core.option_types import at_least
from eval.images.frechet import FeatureStatistics, frechet_distance, statistics_of


def add_parser(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The kind `frechet` with its options."""
    parser = kinds.add_parser(
        "frechet",
        help="the Frechet distance beside pytorch-fid's",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--features", type=at_least(2), default=2048, help="length of the features (default: 2048)")
    parser.add_argument("--images", type=at_least(2), default=6144, help="images in each set (default: 6144)")
    parser.add_argument(
        "--rounds", type=at_least(1), default=3, help="how often each is measured, in turn (default: 3)"
    )


def run(args: argparse.Namespace) -> dict[str, Any]:
    """The figures of `python tools/bench.py frechet` with these options."""
    first, second = (random_statistics(seed, args.images, args.features) for seed in range(2))
    seconds: dict[str, list[float]] = {"ours": [], "pytorch-fid": []}
    values: dict[str, float] = {}
    for _ in range(args.rounds):
        for name, measure in (("ours", frechet_distance), ("pytorch-fid", theirs)):
            values[name], duration = timed(measure, first, second)
            seconds[name].append(duration)
    ratios = [slow / fast for slow, fast in zip(seconds["pytorch-fid"], seconds["ours"], strict=True)]
    return {
        "machine": machine() | versions(),
        "features": args.features,
        "images": args.images,
        "seconds": {name: round(statistics.median(taken), 3) for name, taken in seconds.items()},
        "times_as_fast": {"median": round(statistics.median(ratios), 2), "rounds": [round(r, 2) for r in ratios]},
        "relative_difference": abs(values["ours"] / values["pytorch-fid"] - 1),
    }


def random_statistics(seed: int, images: int, features: int) -> FeatureStatistics:
    """Statistics of a set; sets of different seeds differ in mean, mixing and scale."""
    random = np.random.default_rng(seed)
    spectrum = np.exp(-3 * np.arange(features) / features)
    mixing = np.eye(features) + 0.3 * random.normal(size=(features, features)) / np.sqrt(features)
    return statistics_of((random.normal(size=(images, features)) * spectrum) @ mixing + 0.1 * random.normal())


def theirs(first: FeatureStatistics, second: FeatureStatistics) -> float:
    """pytorch-fid's value."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return float(calculate_frechet_distance(first.mean, first.covariance, second.mean, second.covariance))


def timed(
    measure: Callable[[FeatureStatistics, FeatureStatistics], float],
    first: FeatureStatistics,
    second: FeatureStatistics,
) -> tuple[float, float]:
    """The value, and the seconds that it took."""
    began = time.perf_counter()
    value = measure(first, second)
    return value, time.perf_counter() - began
