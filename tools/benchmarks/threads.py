"""`threads`: what the time that idle threads spin costs, alone and beside a busy process.

Two loops of the demo: iterations of its independent classifier (ResNet-18, 32 images of 64x48) and late iterations of
DG-Net. Each setting is measured in processes of its own, alone and beside one process that computes without end, in
turn (A B A B ...). A row gives iterations per second (median of the rounds), the share of the default's speed that is
left alone, and the share of that speed that is left beside the busy process. One of the rows is what
`dgnet.core.idle_threads` sets.
"""

import argparse
import functools
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from dgnet.core.device import choose_device, choose_precision
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.core.idle_threads import SPIN_COUNT
from dgnet.core.json_files import parse_json
from dgnet.core.machine import machine, versions
from dgnet.core.option_types import above, at_least
from dgnet.models.registry import build_model
from tools.benchmarks.heads import training
from tools.benchmarks.late_step import LateStep, late_config
from tools.benchmarks.step_process import ROOT

LOOPS = ("classifier", "DG-Net")
DEMO = ROOT / "configs" / "demo.yaml"
# A row's name -> its variables.
WAITING: dict[str, dict[str, str]] = {
    "default": {},
    **{
        f"GOMP_SPINCOUNT={count}": {"GOMP_SPINCOUNT": str(count)}
        for count in sorted({1_000, 10_000, 30_000, 100_000, SPIN_COUNT})
    },
    "OMP_WAIT_POLICY=PASSIVE": {"OMP_WAIT_POLICY": "PASSIVE"},
}
BUSY = "while True: pass"


def add_parser(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The kind `threads` with its options."""
    kind = kinds.add_parser(
        "threads",
        help="what spinning of idle threads costs, alone and beside a busy process",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kind.add_argument("--seconds", type=above(0), default=6.0, help="of each measurement (default: 6)")
    kind.add_argument("--rounds", type=at_least(1), default=3, help="of everything in turn (default: 3)")
    kind.add_argument("--one", choices=LOOPS, help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> dict[str, float] | None:
    """Print the table; a measuring process returns its rate."""
    if args.one:
        return {"iterations_per_second": measured_rate(loop(args.one), args.seconds)}
    print(", ".join(f"{name} {value}" for name, value in (machine() | versions()).items() if value))
    print_row("loop", "setting", "alone", "beside a busy process", "of the default alone", "kept beside")
    print_row(*["---"] * 6)
    for name in LOOPS:
        alone: dict[str, list[float]] = {setting: [] for setting in WAITING}
        beside: dict[str, list[float]] = {setting: [] for setting in WAITING}
        for _ in range(args.rounds):
            for setting, variables in WAITING.items():
                alone[setting].append(rate_in_process(name, variables, args.seconds))
            with busy_process():
                for setting, variables in WAITING.items():
                    beside[setting].append(rate_in_process(name, variables, args.seconds))
        default = statistics.median(alone["default"])
        for setting in WAITING:
            one, other = statistics.median(alone[setting]), statistics.median(beside[setting])
            print_row(name, setting, f"{one:.2f}", f"{other:.2f}", f"{one / default:.2f}", f"{other / one:.2f}")
    return None


def rate_in_process(name: str, variables: dict[str, str], seconds: float) -> float:
    """Iterations per second of a loop in a process with these variables and no others that say how threads wait."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "GOMP_", "KMP_"))}
    # A variable that only Intel's OpenMP reads, at its default: it keeps `idle_threads` from acting.
    environment |= variables or {"KMP_BLOCKTIME": "200"}
    words = [sys.executable, str(ROOT / "tools" / "bench.py"), "threads", "--one", name, "--seconds", str(seconds)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise UserError(f"the measuring process ended with status {done.returncode}: {done.stderr.strip()[-500:]}")
    return parse_json(done.stdout.splitlines()[-1])["iterations_per_second"]


@contextmanager
def busy_process() -> Iterator[None]:
    """A process that computes without end, while the block runs."""
    process = subprocess.Popen([sys.executable, "-c", BUSY])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def loop(name: str) -> Callable[[], object]:
    """One iteration of a loop."""
    device = choose_device("cpu")
    config = late_config(DEMO, [], None)
    if name == "DG-Net":
        late = LateStep.build(config, config.data.synthetic.train_identities, Distributed.start("cpu"))
        return functools.partial(late, False)
    torch.manual_seed(0)
    network = build_model("ide", 300, backbone="resnet18")
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.randn(32, 3, 64, 48).contiguous(memory_format=torch.channels_last)

    def loss() -> torch.Tensor:
        return torch.nn.functional.cross_entropy(network(images).mean_logits, torch.arange(32))

    return training(network, loss, choose_precision(config.run.precision, device), device)


def measured_rate(iterate: Callable[[], object], seconds: float) -> float:
    """Iterations per second, after a first one that allocates and compiles."""
    iterate()
    began, count = time.perf_counter(), 0
    while (elapsed := time.perf_counter() - began) < seconds:
        iterate()
        count += 1
    return count / elapsed


def print_row(*cells: str) -> None:
    print("|", " | ".join(cells), "|", flush=True)
