"""`eval`: features to accuracy, beside torchreid's Python evaluation and re-ranking from its published package.

At Market-1501's size by default, on made-up features of 750 identities. Two tasks, from feature files in memory:
`ranking` (mAP and CMC) and `reranking` (the k-reciprocal distances of every query to the whole gallery). Each runs in a
process of its own, ours and torchreid's in turn; seconds and memory are those of the task, the memory with everything
that the process holds. torchreid is installed without its dependencies into a folder that is thrown away afterwards,
and its files are loaded one by one: the package itself imports what nobody needs here.

With --alone ours is measured by itself, which any size allows: ranking, and ranking by re-ranked distances, of which
there is never more than a block in memory (`--query 11659 --gallery 82161` is MSMT17).
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from dgnet.core.errors import UserError
from dgnet.core.json_files import parse_json
from dgnet.core.machine import machine, versions
from dgnet.core.option_types import at_least

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "torchreid"
IDENTITIES, CAMERAS = 750, 6
# Spread of an image around its identity, in units of that of identities: mAP and rank-1 as of a mediocre network.
NOISE = 4.0
ALONE = ("ranking", "reranked_ranking")
TASKS, SIDES = ("ranking", "reranking"), ("ours", "torchreid")
WANTED = {"ranking_speed": 4.0, "reranking_speed": 8.0, "reranking_memory": 0.1}


def add_parser(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The kind `eval` with its options."""
    parser = kinds.add_parser(
        "eval",
        help="features to accuracy and to re-ranked distances, beside torchreid",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--query", type=at_least(1), default=3368, help="query images (default: 3368, Market-1501)")
    parser.add_argument(
        "--gallery", type=at_least(50), default=15913, help="gallery images without junk (default: 15913)"
    )
    parser.add_argument("--features", type=at_least(1), default=2048, help="numbers of a feature (default: 2048)")
    parser.add_argument(
        "--rounds", type=at_least(1), default=1, help="processes of each side and task, in turn (default: 1)"
    )
    parser.add_argument("--alone", action="store_true", help="ours only, nothing is installed")
    parser.add_argument("--threads", type=at_least(1), default=2, help="threads of each process (default: 2)")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """The figures of `python tools/bench.py eval` with these options."""
    tasks, sides = (ALONE, SIDES[:1]) if args.alone else (TASKS, SIDES)
    with tempfile.TemporaryDirectory() as folder:
        version = None if args.alone else install(Path(folder))
        for number, (side, images) in enumerate((("query", args.query), ("gallery", args.gallery))):
            write_features(Path(folder), side, images, args.features, number)
        runs: dict[str, list[dict[str, Any]]] = {f"{task} {side}": [] for task in tasks for side in sides}
        for _ in range(args.rounds):
            for task in tasks:
                for side in sides:
                    runs[f"{task} {side}"].append(measure(Path(folder), side, task, args.threads))
    result: dict[str, Any] = {
        "machine": machine() | versions() | {"threads": args.threads},
        "torchreid": version,
        "query": args.query,
        "gallery": args.gallery,
        "features": args.features,
    }
    for task in tasks:
        result[task] = {side: summary(runs[f"{task} {side}"]) for side in sides}
    if args.alone:
        return result
    for task in TASKS:
        pairs = list(zip(*(runs[f"{task} {side}"] for side in SIDES), strict=True))
        speed = [theirs["seconds"] / ours["seconds"] for ours, theirs in pairs]
        memory = [ours["peak_memory_bytes"] / theirs["peak_memory_bytes"] for ours, theirs in pairs]
        above = [grown(ours) / grown(theirs) for ours, theirs in pairs]
        result[task] |= {
            "speed_ours_over_torchreid": round(statistics.median(speed), 2),
            "memory_ours_over_torchreid": round(statistics.median(memory), 3),
            "without_what_was_held_before": round(statistics.median(above), 3),
        }
    return result | {"wanted": WANTED}


def install(folder: Path) -> str:
    """torchreid without its dependencies in `folder`; its version."""
    words = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), PACKAGE]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"pip cannot install {PACKAGE}: {done.stderr.strip()[-300:]}")
    (described,) = folder.glob(f"{PACKAGE}-*.dist-info")
    return described.name.removesuffix(".dist-info").split("-")[1]


def write_features(folder: Path, side: str, images: int, columns: int, number: int) -> None:
    """Features around centers of identities, a sixth of the gallery distractors of identity 0, as .npy files."""
    centers = np.random.default_rng(0).standard_normal((IDENTITIES + 1, columns), dtype=np.float32)
    random = np.random.default_rng(number + 1)
    ids = random.integers(1, IDENTITIES + 1, images)
    if side == "gallery":
        ids[random.random(images) < 1 / 6] = 0
    features = np.lib.format.open_memmap(folder / f"{side}_features.npy", "w+", np.float32, (images, columns))
    for start in range(0, images, 1024):
        part = ids[start : start + 1024]
        noise = NOISE * random.standard_normal((len(part), columns), dtype=np.float32)
        features[start : start + 1024] = noise + np.where(part > 0, 1, 0)[:, None] * centers[part]
    features.flush()
    np.save(folder / f"{side}_ids.npy", ids)
    np.save(folder / f"{side}_cameras.npy", random.integers(1, CAMERAS + 1, images))


def measure(folder: Path, side: str, task: str, threads: int) -> dict[str, Any]:
    """One process of one side."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", "tools.benchmarks.one_evaluation", side, task, str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise UserError(f"{task} of {side} ended with status {done.returncode}: {done.stderr.strip()[-500:]}")
    return parse_json(done.stdout.splitlines()[-1])


def grown(run: dict[str, Any]) -> int:
    """The peak above what the process held when the task began: libraries and the features as they were read."""
    return max(run["peak_memory_bytes"] - run["held_bytes"], 1)


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians over the rounds; the figures of a task are those of the first."""
    figures = {
        key: value for key, value in runs[0].items() if key not in ("seconds", "peak_memory_bytes", "held_bytes")
    }
    return {
        "seconds": round(statistics.median(run["seconds"] for run in runs), 4),
        "peak_memory_gib": round(max(run["peak_memory_bytes"] for run in runs) / 2**30, 3),
        "held_before_gib": round(max(run["held_bytes"] for run in runs) / 2**30, 3),
        **figures,
    }
