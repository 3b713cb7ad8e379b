"""`generate`: images per second of a generated set, in turn with the same network run one image at a time.

Both decode their sources, swap and write PNG files; nothing is scored. "One at a time" is how the official script
works: for every image both sources are read and encoded anew, in a batch of one, in float32 and plain memory layout,
and the file is written before the next image begins. Ours makes each code once, batches, and writes on threads. The
plan is the official protocol, repeated --each times: DG-Market has 9.9 images for each source. The network has
random weights, the sources are noise at Market-1501's size.
"""

import argparse
import copy
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from dgnet.config import Config, load_config
from dgnet.core import pixels
from dgnet.core.cli import add_settings
from dgnet.core.device import PrecisionName
from dgnet.core.distributed import Distributed
from dgnet.core.images import read_image
from dgnet.core.machine import machine, versions
from dgnet.core.numerics import set_numerics
from dgnet.core.option_types import at_least, expanded_path
from dgnet.data.records import Record
from dgnet.generation.engine import generate
from dgnet.generation.image_writer import ImageWriter, image_encoder, write_new
from dgnet.generation.plans import Pairs, ring_pairs
from dgnet.models.build import build_generator
from dgnet.models.generator import Generator
from dgnet.runs.loaded_generator import LoadedGenerator
from tools.benchmarks.peak_memory import peak_memory

ROOT = Path(__file__).resolve().parents[2]
MARKET_HEIGHT, MARKET_WIDTH = 128, 64
DG_MARKET = 128_307


def add_parser(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The kind `generate` with its options."""
    kind = kinds.add_parser(
        "generate",
        help="images per second of a generated set",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kind.add_argument("--config", type=expanded_path, default=ROOT / "configs" / "latest.yaml")
    add_settings(kind)
    kind.add_argument("--sources", type=at_least(2), default=32, help="source images (default: 32)")
    kind.add_argument("--each", type=at_least(1), default=10, help="generated images for each source (default: 10)")
    kind.add_argument(
        "--alone", type=at_least(1), default=12, help="images made one at a time in a round (default: 12)"
    )
    kind.add_argument("--rounds", type=at_least(1), default=3, help="rounds of everything in turn (default: 3)")
    kind.add_argument(
        "--precision",
        action="append",
        choices=("fp32", "tf32", "bf16", "fp16"),
        help="of ours; again for a further one (default: fp32 and bf16)",
    )
    kind.add_argument("--threads", type=at_least(1), default=2, help="that write files (default: 2)")


@dataclass(frozen=True)
class Work:
    """What is measured: the network, its sources, the pairs and where the files go."""

    stored: LoadedGenerator
    plain: Generator  # the same network in plain memory layout
    records: Sequence[Record]
    pairs: Pairs
    folder: Path
    threads: int


def run(args: argparse.Namespace) -> dict[str, Any]:
    """The figures of `python tools/bench.py generate` with these options."""
    config = load_config(args.config, args.settings)
    device = Distributed.start(config.run.device).device
    with tempfile.TemporaryDirectory() as place:
        records = write_sources(Path(place) / "sources", args.sources)
        torch.manual_seed(0)
        plain = build_generator(config, 751, pretrained=False).to(device).eval()
        ours = copy.deepcopy(plain).to(memory_format=torch.channels_last)
        pairs = ring_pairs(records, 0, args.sources * args.each)
        work = Work(LoadedGenerator(ours, config, (), 0), plain, records, pairs, Path(place), args.threads)
        ways: dict[str, Callable[[Path], int]] = {"one_at_a_time": partial(one_at_a_time, work, args.alone)}
        ways |= {
            f"ours_{precision}": partial(batched, work, precision) for precision in args.precision or ("fp32", "bf16")
        }
        speeds: dict[str, list[float]] = {name: [] for name in ways}
        efforts: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(-1, args.rounds):
            for name, way in ways.items():
                folder = Path(place) / f"{name}_{turn}"
                folder.mkdir()
                began, worked = time.perf_counter(), time.process_time()
                images = way(folder)
                if turn >= 0:  # the first turn warms up
                    speeds[name].append(images / (time.perf_counter() - began))
                    efforts[name].append((time.process_time() - worked) / images)
        written = writing_alone(work)
    return figures(speeds, efforts, written, config, device, args)


def figures(
    speeds: dict[str, list[float]],
    efforts: dict[str, list[float]],
    written: float,
    config: Config,
    device: torch.device,
    args: argparse.Namespace,
) -> dict[str, Any]:
    """Medians, and the ratios round by round."""
    result: dict[str, Any] = {
        "machine": machine() | versions(),
        "height": config.data.height,
        "width": config.data.width,
        "sources": args.sources,
        "images": args.sources * args.each,
        "images_per_second": {name: round(statistics.median(values), 3) for name, values in speeds.items()},
        # On a CPU that others use too this tells more than the clock.
        "processor_seconds_per_image": {name: round(statistics.median(each), 4) for name, each in efforts.items()},
        "png_files_per_second_without_a_network": round(written, 1),
        "peak_memory_gib": round(peak_memory(device) / 2**30, 2),
    }
    for name, values in speeds.items():
        if name != "one_at_a_time":
            ratios = [ours / alone for ours, alone in zip(values, speeds["one_at_a_time"], strict=True)]
            result[f"{name}_over_one_at_a_time"] = {
                "median": round(statistics.median(ratios), 2),
                "rounds": [round(ratio, 2) for ratio in ratios],
            }
    fastest = max(result["images_per_second"].values())
    result["hours_for_128307_images_extrapolated"] = round(DG_MARKET / fastest / 3600, 2)
    return result


def write_sources(folder: Path, count: int) -> list[Record]:
    """Images of smooth noise at Market-1501's size."""
    folder.mkdir()
    draws = np.random.default_rng(0)
    records = []
    for number in range(count):
        coarse = draws.integers(0, 256, (MARKET_HEIGHT // 16, MARKET_WIDTH // 16, 3), np.uint8)
        path = folder / f"{number:04d}_c1.jpg"
        Image.fromarray(coarse).resize((MARKET_WIDTH, MARKET_HEIGHT), Image.Resampling.BICUBIC).save(path)
        records.append(Record(path, number + 1, 1, "train"))
    return records


def batched(work: Work, precision: PrecisionName, folder: Path) -> int:
    """A set as `tools/generate.py --no-scores` makes it; how many images."""
    files = []
    set_numerics(work.stored.device, precision)
    with ImageWriter(None, work.threads) as writer:
        for batch in generate(work.stored, work.records, work.pairs, precision=precision):
            for position, image in zip(batch.positions, batch.images, strict=True):
                files.append(writer.write(folder / f"{position:06d}.png", image))
    return len([file.result() for file in files])


def one_at_a_time(work: Work, count: int, folder: Path) -> int:
    """The first `count` images of the plan, each from the beginning."""
    size, network = work.stored.config.data, work.plain
    device = next(network.parameters()).device
    encode = image_encoder(None)

    def read(index: int) -> torch.Tensor:
        image = read_image(work.records[index].path)[None]
        return pixels.normalize(pixels.resize(image, size.height, size.width).to(device)).contiguous()

    for position, (a, s) in enumerate(work.pairs[:count]):
        with torch.no_grad():
            image = pixels.to_uint8(network(read(a), read(s)))[0].cpu()
        write_new(folder / f"{position:06d}.png", encode(image))
    return count


def writing_alone(work: Work) -> float:
    """Files per second of the writing threads alone, on generated images."""
    batch = next(generate(work.stored, work.records, work.pairs))
    folder = work.folder / "writing"
    folder.mkdir()
    repeats = 4
    began = time.perf_counter()
    with ImageWriter(None, work.threads) as writer:
        for repeat in range(repeats):
            for position, image in zip(batch.positions, batch.images, strict=True):
                writer.write(folder / f"{repeat}_{position:06d}.png", image)
    return repeats * len(batch.positions) / (time.perf_counter() - began)
