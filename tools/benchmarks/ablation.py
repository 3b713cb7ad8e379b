"""`step --ablate`: every trick for speed of the joint step against the plain torch operation.

A late iteration is run with everything on and with one trick replaced, in turn (A B A B ...) in one process; what
belongs to a process as a whole is measured in processes of its own, in turn as well. A row gives seconds of processor
time and peak memory of the process, with the trick and without it; how many times as much time (median of the rounds'
ratios, by processor and by wall clock) and memory it takes without; and the largest relative difference of a loss or
of the norm of an optimizer's gradient from the same weights and batch.
"""

import argparse
import ctypes
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from dgnet.config import Config, override_config
from dgnet.core.device import PrecisionName, choose_device, choose_precision
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.core.machine import machine, versions
from dgnet.core.memory import keep_freed_memory
from tools.benchmarks.late_step import LateStep, late_config
from tools.benchmarks.plain_operations import TRICKS, Plain, Trick
from tools.benchmarks.step_process import measure_in_process

# The relative difference that another order of summation may make. In bf16 it may be as large as what bf16 itself makes
# against float32: through batch norms of few images single roundings reach the gradients' norms.
BOUND = 3e-3
# Figures below this share of the largest one are held to that share.
FLOOR = 1e-3
WORTH = 1.05
HEAD = ("configuration", "trick", "seconds with", "without", "time ratio", "wall ratio", "GiB with", "without", "ratio")
Figures = dict[str, float]
Without = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True)
class Row:
    """A trick's measurements; pairs are (with it, without it)."""

    trick: str
    seconds: tuple[float, float]
    processor_ratio: float
    wall_ratio: float
    gibibytes: tuple[float, float]
    difference: float
    figure: str

    @property
    def memory_ratio(self) -> float:
        return self.gibibytes[1] / self.gibibytes[0]

    @property
    def is_worth_it(self) -> bool:
        """Whether it saves 5 % of the time or of the memory."""
        return max(self.processor_ratio, self.memory_ratio) >= WORTH


def ablate(args: argparse.Namespace, cases: list[tuple[Path, int | None]]) -> None:
    """Print a table of the configurations in both precisions (or in `run.precision`, if that is overridden)."""
    tricks = [trick for trick in TRICKS if not args.only or trick.name in args.only]
    if unknown := set(args.only) - {trick.name for trick in TRICKS}:
        names = ", ".join(trick.name for trick in TRICKS)
        raise UserError(f"--only must be among {names}, got {', '.join(sorted(unknown))}")
    print(", ".join(f"{name} {value}" for name, value in (machine() | versions()).items() if value))
    print_row(*HEAD, "largest difference")
    print_row(*["---"] * (len(HEAD) + 1))
    worth: dict[str, bool] = {}
    for path, batch in cases:
        for precision in precisions(args.settings):
            config = late_config(path, [*args.settings, f"run.precision={precision}"], batch)
            for row, bound in ablation(config, path, args, tricks):
                worth[row.trick] = worth.get(row.trick, False) or row.is_worth_it
                say(f"{path.stem} {precision}", row, bound)
    print(f"\nUnder 5 % of time and of memory everywhere: {', '.join(k for k, v in worth.items() if not v) or 'none'}")


def precisions(settings: list[str]) -> list[PrecisionName]:
    """Those that the CPU or GPU computes in, unless the settings name one."""
    choices = [setting.partition("=")[2] for setting in settings if setting.startswith("run.precision=")]
    if choices:
        return [choose_precision(choices[-1], choose_device())]
    return ["fp32"] if choose_precision("auto", choose_device()) == "fp32" else ["fp32", "bf16"]


def ablation(config: Config, path: Path, args: argparse.Namespace, tricks: list[Trick]) -> Iterator[tuple[Row, float]]:
    """The rows of one configuration in one precision, each with the bound of its differences."""
    distributed = Distributed.start(config.run.device)
    identities = args.identities if config.data.layout != "synthetic" else config.data.synthetic.train_identities
    keep_freed_memory()
    float32 = None
    if config.run.precision != "fp32":
        float32 = figures(LateStep.build(override_config(config, ["run.precision=fp32"]), identities, distributed))
    late = LateStep.build(config, identities, distributed)
    with tempfile.TemporaryDirectory() as folder:
        start = Path(folder) / "start.pt"
        torch.save(late.training.state_dict(), start)
        expected = figures(late)
        bound = BOUND if float32 is None else max(BOUND, farthest(expected, float32)[0])
        for trick in tricks:
            if not trick.used(config, config.run.precision, distributed.device.type):
                continue
            if trick.plain is None:
                yield measure_processes(config, path, trick, identities, args), bound
            else:
                yield measure(late, trick, trick.plain, start, expected, args.rounds), bound


def measure(late: LateStep, trick: Trick, plain: Plain, start: Path, expected: Figures, rounds: int) -> Row:
    """The row of a trick that can be replaced inside a process."""

    def without() -> AbstractContextManager[None]:
        return plain(late.training)

    late.training.load_state_dict(torch.load(start, weights_only=True))
    with without():
        difference, figure = farthest(figures(late), expected)
    # Outside the contexts once, so that both sides find their memory layout and their compiled functions.
    late(True)
    gibibytes = peak_gibibytes(late, nullcontext), peak_gibibytes(late, without)
    costs = []
    for number in range(rounds):
        costs.append(tuple(cost(late, context, number % 2 == 0) for context in (nullcontext, without)))
    return row_of(trick, costs, gibibytes, difference, figure)


def measure_processes(config: Config, path: Path, trick: Trick, identities: int, args: argparse.Namespace) -> Row:
    """The row of a trick that belongs to a process as a whole; the arithmetic is not touched."""
    costs, peaks = [], []
    for _ in range(args.rounds):
        settings = [*args.settings, f"run.precision={config.run.precision}"]
        pair = [
            measure_in_process(
                kind, path, settings, batch=config.run.batch_size, identities=identities, iterations=args.iterations
            )
            for kind in ("ours", "returned")
        ]
        costs.append(tuple(tuple(map(statistics.median, (p["processor_seconds"], p["seconds"]))) for p in pair))
        peaks.append([process["peak_memory_bytes"] / 2**30 for process in pair])
    kept, returned = (statistics.median(side) for side in zip(*peaks, strict=True))
    return row_of(trick, costs, (kept, returned), 0.0, "not touched")


def row_of(trick: Trick, costs: list[Any], gibibytes: tuple[float, float], difference: float, figure: str) -> Row:
    """Medians over the rounds; `costs` holds ((processor, wall) with the trick, the same without it) of each."""
    return Row(
        trick.name,
        (statistics.median(a[0] for a, _ in costs), statistics.median(b[0] for _, b in costs)),
        statistics.median(b[0] / a[0] for a, b in costs),
        statistics.median(b[1] / a[1] for a, b in costs),
        gibibytes,
        difference,
        figure,
    )


def figures(late: LateStep) -> Figures:
    """Every loss of one iteration, and the norm of the gradient of each optimizer."""
    norms: Figures = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(optimizer: torch.optim.Optimizer, *_: object) -> None:
            gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
            norms[f"gradient of {name}"] = float(torch.stack([g.norm() for g in gradients]).norm())

        return hook

    optimizers = late.training.optimizers
    named: dict[str, torch.optim.Optimizer] = {"discriminator": optimizers.discriminator}
    named |= {f"generator {number}": optimizer for number, optimizer in enumerate(optimizers.of_generator)}
    hooks = [optimizer.register_step_pre_hook(keep(name)) for name, optimizer in named.items()]
    torch.manual_seed(0)  # dropout
    record = late(True)
    for hook in hooks:
        hook.remove()
    losses = {f"discriminator {name}": values.sum().item() for name, values in record.discriminator.items()}
    return losses | {name: values.sum().item() for name, values in record.generator.items()} | norms


def farthest(first: Figures, second: Figures) -> tuple[float, str]:
    """The largest relative difference, and of which figure."""
    if first.keys() != second.keys():
        raise ValueError(f"not the same figures: {first.keys() ^ second.keys()}")
    least = FLOOR * max(map(abs, second.values()))
    return max((abs(value - second[name]) / max(abs(second[name]), least), name) for name, value in first.items())


def cost(late: LateStep, context: Without, train_structure_encoder: bool) -> tuple[float, float]:
    """Processor and wall seconds of an iteration."""
    with context():
        processor, wall = time.process_time(), time.perf_counter()
        late(train_structure_encoder)
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        return time.process_time() - processor, time.perf_counter() - wall


def peak_gibibytes(late: LateStep, context: Without) -> float:
    """Of the process during an iteration (Linux), or of torch's tensors on a GPU."""
    device = late.batch.real.device
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        if not sys.platform.startswith("linux"):
            raise UserError("--ablate measures the memory of a process as Linux tells it: run it there, or on CUDA")
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak starts anew: `man 5 proc`
    with context():
        late(True)
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    match = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert match is not None
    return int(match[1]) / 2**20


def print_row(*cells: str) -> None:
    print("|", " | ".join(cells), "|", flush=True)


def say(configuration: str, row: Row, bound: float) -> None:
    """Print one row."""
    print_row(
        configuration,
        row.trick,
        *(f"{value:.3g}" for value in row.seconds),
        f"{row.processor_ratio:.3f}",
        f"{row.wall_ratio:.3f}",
        *(f"{value:.3f}" for value in row.gibibytes),
        f"{row.memory_ratio:.3f}",
        f"{row.difference:.1e} {'<' if row.difference < bound else 'MORE THAN'} {bound:.0e} ({row.figure})",
    )
