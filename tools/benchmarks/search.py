"""`search`: the nearest images of a large gallery, beside the float32 matrix product that it cannot do without.

By default a gallery of a million made-up features of 512 numbers, of unit length, in a file that is read part by part,
and 1,000 queries. `share_of_product` is the processor time of the product alone, over parts of the same size that are
in memory, by that of the search (medians of the rounds, in turn). The answers of the first ten queries are compared
with exact distances to the whole gallery. The peak memory is that of the process until then.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dgnet.core.machine import machine, versions
from dgnet.core.option_types import at_least
from eval.reid.distance import rounded_cosines, squared_distances, unit_features
from eval.reid.gallery_search import PART, nearest_in_gallery
from eval.reid.neighbors import whole_float32
from tools.benchmarks.peak_memory import peak_memory

_CHECKED = 10


def add_parser(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The kind `search` with its options."""
    kind = kinds.add_parser(
        "search",
        help="exact search of a large gallery, as a share of the matrix-product rate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kind.add_argument("--query", type=at_least(1), default=1000, help="queries (default: 1000)")
    kind.add_argument("--gallery", type=at_least(1), default=10**6, help="gallery images (default: 1000000)")
    kind.add_argument("--features", type=at_least(1), default=512, help="numbers of a feature (default: 512)")
    kind.add_argument("--top", type=at_least(1), default=10, help="images found for each query (default: 10)")
    kind.add_argument("--rounds", type=at_least(1), default=1, help="how often each is measured (default: 1)")
    kind.add_argument("--threads", type=at_least(1), default=2, help="threads of torch (default: 2)")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """The figures of `python tools/bench.py search` with these options."""
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        gallery = write_gallery(Path(folder) / "gallery.npy", args.gallery, args.features)
        query = unit_features("query", np.random.default_rng(1).standard_normal((args.query, args.features)))
        part = torch.from_numpy(np.array(gallery[:PART]))
        seconds: dict[str, list[float]] = {"search": [], "product": []}
        for _ in range(args.rounds):
            taken, found = timed(lambda: nearest_in_gallery(query, gallery, args.top, normalized=True))
            seconds["search"].append(taken)
            seconds["product"].append(timed(lambda: product(query, part))[0] * args.gallery / len(part))
        peak = peak_memory(torch.device("cpu"))
        exact = obvious(query[:_CHECKED], gallery, args.top)
    medians = {name: statistics.median(taken) for name, taken in seconds.items()}
    operations = 2 * args.query * args.gallery * args.features
    return {
        "machine": machine() | versions() | {"threads": args.threads},
        "query": args.query,
        "gallery": args.gallery,
        "features": args.features,
        "processor_seconds": {name: round(value, 3) for name, value in medians.items()},
        "billion_operations_per_processor_second": {n: round(operations / v / 1e9, 1) for n, v in medians.items()},
        "share_of_product": round(medians["product"] / medians["search"], 3),
        "peak_memory_gib": round(peak / 2**30, 3),
        "equal_to_exact": bool(np.array_equal(found.indices[:_CHECKED], exact)),
    }


def write_gallery(path: Path, images: int, features: int) -> np.ndarray:
    """Unit features in a file, as a memory map."""
    random = np.random.default_rng(0)
    with open(path, "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (images, features)}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, images, PART):
            drawn = random.standard_normal((min(PART, images - start), features), dtype=np.float32)
            unit_features("gallery", drawn).numpy().tofile(file)
    return np.load(path, mmap_mode="r")


def product(query: torch.Tensor, part: torch.Tensor) -> None:
    """The float32 product of all queries with one part, which is kept nowhere."""
    with whole_float32():
        for some in query.split(256):
            rounded_cosines(some, part)


def obvious(query: torch.Tensor, gallery: np.ndarray, count: int) -> np.ndarray:
    """The nearest by exact distances to every image: indices `[query, count]`."""
    parts = [torch.from_numpy(np.array(gallery[start : start + PART])) for start in range(0, len(gallery), PART)]
    distances = np.concatenate([squared_distances(query, part).numpy() for part in parts], axis=1)
    return np.argsort(distances, axis=1, kind="stable")[:, :count]


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds of the processor, of all threads together, and the result."""
    began = time.process_time()
    result = work()
    return time.process_time() - began, result
