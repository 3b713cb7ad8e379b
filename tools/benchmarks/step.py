"""`step`: one iteration of the joint training in its late phase (every term active), on random images.

Seconds, images per second (a and b count, positives do not), peak memory, hours for the configuration's schedule,
floating-point operations, their share of the rates that a plain convolution and a large matrix product reach here in
the same precision, and the number of torch's operations (without views, nothing compiled). With --against-naive the
plain float32 step of tests/oracles (module copies, one batch at a time, full graph) is measured in turn with ours
(A B A B ...), each in its own process.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from dgnet.config import Config
from dgnet.core.cli import add_settings
from dgnet.core.device import Precision, choose_device, choose_precision
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.core.machine import machine, versions
from dgnet.core.memory import keep_freed_memory
from dgnet.core.numerics import set_numerics
from dgnet.core.option_types import at_least, expanded_path
from dgnet.layers.compiled import compile_small_functions
from tools.benchmarks.ablation import ablate
from tools.benchmarks.late_step import ITERATION, LateStep, late_config, random_batch
from tools.benchmarks.peak_memory import peak_memory
from tools.benchmarks.step_process import ROOT, measure_in_process

BATCH = 4
# One iteration; the argument says whether the structure encoder learns on generated images.
Iterate = Callable[[bool], object]


def add_parser(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The kind `step` with its options."""
    step = kinds.add_parser(
        "step",
        help="one iteration of the joint training",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    step.add_argument(
        "--config",
        type=expanded_path,
        help="a YAML file (default: configs/latest.yaml; with --ablate, configs/demo.yaml too)",
    )
    add_settings(step)
    step.add_argument(
        "--batch-size",
        type=at_least(2),
        help="images of a (and of b) in a batch (default: 4; the demo's own for configs/demo.yaml)",
    )
    step.add_argument(
        "--identities", type=at_least(2), default=751, help="outputs of the identity heads (default: 751, Market-1501)"
    )
    step.add_argument("--device", help="instead of the configuration's run.device: cpu, cuda, cuda:NUMBER")
    step.add_argument(
        "--iterations", type=at_least(1), help="timed iterations in each process (default: 2, on a GPU 20)"
    )
    step.add_argument("--rounds", type=at_least(1), default=3, help="measurements of each kind, in turn (default: 3)")
    step.add_argument("--against-naive", action="store_true", help="measure the naive float32 step in turn with ours")
    step.add_argument("--ablate", action="store_true", help="print what each trick for speed saves, as a table")
    step.add_argument("--only", nargs="+", default=[], metavar="TRICK", help="with --ablate: these tricks alone")
    step.add_argument("--one", choices=("ours", "naive", "returned"), help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> dict[str, Any] | None:
    """The figures of `python tools/bench.py step` with these options; None where a table is printed."""
    if args.device is not None:
        args.settings = [*args.settings, f"run.device={args.device}"]
    latest, demo = (ROOT / "configs" / f"{name}.yaml" for name in ("latest", "demo"))
    batch = args.batch_size or BATCH
    if args.ablate:
        cases = [(demo, args.batch_size), (latest, batch)] if args.config is None else [(args.config, batch)]
        ablate(args, cases)
        return None
    args.config = args.config or latest
    config = late_config(args.config, args.settings, batch)
    if args.against_naive and config.decoder.kind == "parts":
        raise UserError("--against-naive takes decoder.kind=adaptive, the naive step's own, got 'parts'")
    device = choose_device(config.run.device)
    args.iterations = args.iterations or (20 if device.type == "cuda" else 2)
    return measure_one(config, args) if args.one else measure_rounds(config, args)


def measure_rounds(config: Config, args: argparse.Namespace) -> dict[str, Any]:
    """Processes in turn; medians over all timed iterations, and the ratios of the rounds."""
    kinds = ("ours", "naive") if args.against_naive else ("ours",)
    runs: dict[str, list[dict[str, Any]]] = {kind: [] for kind in kinds}
    for _ in range(args.rounds):
        for kind in kinds:
            measured = measure_in_process(
                kind,
                args.config,
                args.settings,
                batch=config.run.batch_size,
                identities=args.identities,
                iterations=args.iterations,
            )
            runs[kind].append(measured)
    precision = choose_precision(config.run.precision, choose_device(config.run.device))
    result: dict[str, Any] = {"machine": machine() | versions(), "precision": precision, "batch": config.run.batch_size}
    result |= {kind: summary(measured, config, args) for kind, measured in runs.items()}
    if args.against_naive:
        pairs = list(zip(runs["ours"], runs["naive"], strict=True))
        speed = [statistics.median(naive["seconds"]) / statistics.median(ours["seconds"]) for ours, naive in pairs]
        memory = [ours["peak_memory_bytes"] / naive["peak_memory_bytes"] for ours, naive in pairs]
        result["ours_over_naive"] = {
            "images_per_second": {"median": round(statistics.median(speed), 3), "rounds": [round(x, 3) for x in speed]},
            "peak_memory": round(statistics.median(memory), 3),
        }
    return result


def summary(runs: list[dict[str, Any]], config: Config, args: argparse.Namespace) -> dict[str, Any]:
    """The figures of one kind over its rounds."""
    seconds = [value for run in runs for value in run["seconds"]]
    median = statistics.median(seconds)
    figures: dict[str, Any] = {
        "seconds_per_iteration": {
            "median": round(median, 3),
            "min": round(min(seconds), 3),
            "max": round(max(seconds), 3),
        },
        "images_per_second": round(2 * config.run.batch_size / median, 3),
        "peak_memory_gib": round(max(run["peak_memory_bytes"] for run in runs) / 2**30, 3),
        "hours_for_the_schedule": round(median * config.schedule.iterations / 3600, 1),
    }
    if "operations" in runs[0]:
        operations = runs[0]["operations"]
        figures["gigaflop_per_iteration"] = round(operations / 1e9, 1)
        for kind in ("convolution", "matrix"):
            rate = statistics.median(run[f"{kind}_rate"] for run in runs)
            figures[f"{kind}_gigaflop_per_second"] = round(rate / 1e9, 1)
            figures[f"share_of_{kind}_rate"] = round(operations / median / rate, 3)
        figures["torch_operations_per_iteration"] = runs[0]["torch_operations"]
    return figures


def measure_one(config: Config, args: argparse.Namespace) -> dict[str, Any]:
    """This process measures one kind."""
    distributed = Distributed.start(config.run.device)
    if args.one != "naive":
        if args.one == "ours":
            keep_freed_memory()
        iterate: Iterate = LateStep.build(config, args.identities, distributed)
    else:
        iterate = naive(config, args, distributed)
    for train_structure_encoder in (False, True):  # compiles, allocates, fills the optimizers' state
        iterate(train_structure_encoder)
    synchronize(distributed.device)
    seconds, processor_seconds = [], []
    for number in range(args.iterations):
        began, processor_began = time.perf_counter(), time.process_time()
        iterate(number % 2 == 0)
        synchronize(distributed.device)
        seconds.append(time.perf_counter() - began)
        processor_seconds.append(time.process_time() - processor_began)
    result: dict[str, Any] = {
        "seconds": seconds,
        "processor_seconds": processor_seconds,
        "peak_memory_bytes": peak_memory(distributed.device),
    }
    if args.one == "ours":
        compile_small_functions(False, distributed.device)  # the counter cannot look into compiled ones
        with Operations() as counter:
            iterate(False)
        result |= {
            "operations": counter.total,
            "torch_operations": counter.calls,
            "convolution_rate": convolution_rate(config, distributed.device),
            "matrix_rate": matrix_rate(config, distributed.device),
        }
    return result


class Operations(TorchDispatchMode):
    """Counts torch's operations without views (`calls`), and the floating-point operations of products and convolutions
    (`total`) by torch's own table.

    torch's `FlopCounterMode` also follows modules, which an iteration with several backward passes does not allow.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total, self.calls = 0, 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.calls += not func.is_view
        count = flop_registry.get(func._overloadpacket)
        if count is not None:
            self.total += count(*args, **(kwargs or {}), out_val=result)
        return result


def naive(config: Config, args: argparse.Namespace, distributed: Distributed) -> Iterate:
    """The oracle's step at the paper's sizes, float32, plain memory layout."""
    from tests.oracles.naive_config import NaiveConfig
    from tests.oracles.naive_step import NaiveDGNet

    set_numerics(distributed.device, "fp32", fixed_shapes=True)
    network = NaiveDGNet(
        NaiveConfig(
            identities=args.identities,
            trunk=config.appearance.backbone,
            teacher_trunk=config.teacher.backbone,
            structure_dim=config.structure.channels,
            mlp_dim=config.decoder.style_hidden,
            discriminator_dim=config.discriminator.channels,
            warm_iter=0,
            warm_teacher_iter=0,
            warm_scale=100.0,
        )
    ).to(distributed.device)
    images, labels = random_batch(config, args.identities, distributed.device)
    batch = dict(zip(("x_a", "x_b", "xp_a", "xp_b"), images, strict=True))
    if config.data.erasing > 0:
        batch |= {f"erased_{name}": image.clone() for name, image in batch.items()}
    return lambda train_structure_encoder: network.step(batch, labels[0], labels[1], ITERATION, train_structure_encoder)


def convolution_rate(config: Config, device: torch.device, channels: int = 128, seconds: float = 1.0) -> float:
    """Operations per second of the decoder's commonest convolution (3x3, 128 channels), forward."""
    dtype = Precision(config.run.precision, device).dtype
    height, width, batch = config.data.height // 4, config.data.width // 4, 8 * config.run.batch_size
    layer = torch.nn.Conv2d(channels, channels, 3, padding=1).to(device, dtype).to(memory_format=torch.channels_last)
    x = torch.randn(batch, channels, height, width, device=device, dtype=dtype).contiguous(
        memory_format=torch.channels_last
    )
    return rate_of(lambda: layer(x), 2 * batch * height * width * channels * channels * 9, device, seconds)


def matrix_rate(config: Config, device: torch.device, seconds: float = 1.0) -> float:
    """Operations per second of a product of two square matrices, 8192 rows on a GPU and 1024 on a CPU."""
    size = 8192 if device.type == "cuda" else 1024
    x = torch.randn(size, size, device=device, dtype=Precision(config.run.precision, device).dtype)
    return rate_of(lambda: x @ x, 2 * size**3, device, seconds)


def rate_of(work: Callable[[], object], operations: int, device: torch.device, seconds: float) -> float:
    """Operations per second of `work`, which has so many, repeated for so long."""
    count = 0
    with torch.no_grad():
        work()
        synchronize(device)
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            work()
            count += 1
            synchronize(device)
    return operations * count / (time.perf_counter() - began)


def synchronize(device: torch.device) -> None:
    """Wait for a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
