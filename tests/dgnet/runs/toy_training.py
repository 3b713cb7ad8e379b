"""A small training run as a program of its own, for tests that kill it: `python toy_training.py FOLDER ITERATIONS`.

Each iteration has random numbers of its own, as in every training; its last state is its last checkpoint.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import torch
from torch import nn

from dgnet.core.device import Precision
from dgnet.core.distributed import Distributed
from dgnet.core.errors import command
from dgnet.data.records import Dataset
from dgnet.runs.run import Run
from dgnet.training.task import StepLog, TrainingPlan, TrainingTask
from dgnet.training.training_loop import run_training


@dataclass(frozen=True)
class Nothing:
    """A batch for a training that draws its images itself."""

    def to(self, device: torch.device | str, non_blocking: bool = True) -> "Nothing":
        return self

    def pin_memory(self) -> "Nothing":
        return self


class NoSource:
    def batch(self, iteration: int) -> Nothing:
        return Nothing()


class ToyTask(TrainingTask[Nothing]):
    kind = "toy"

    def __init__(self, arguments: argparse.Namespace, distributed: Distributed) -> None:
        self.arguments, self.distributed = arguments, distributed
        torch.manual_seed(3)
        self.network = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.Dropout(0.2), nn.ReLU(), nn.Linear(16, 1))
        distributed.broadcast_module(self.network)
        self.networks = {"network": self.network}
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-2)
        self.precision = Precision("fp16", torch.device("cpu"))

    def step(self, batch: Nothing, iteration: int) -> StepLog:
        images = torch.randn(self.arguments.batch, 4)
        with self.precision.autocast():
            loss = (self.network(images).float() - images.sum(1, keepdim=True)).square().mean()
        self.optimizer.zero_grad()
        self.precision.backward(loss)
        self.distributed.average_gradients(self.network.parameters())
        self.precision.step(self.optimizer)
        time.sleep(self.arguments.seconds if iteration >= self.arguments.slow_after else 0)
        return StepLog({"regression": loss.detach()}, {"regression": 1.0}, {}, self.arguments.batch)

    def state_dict(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "precision": self.precision.state_dict(),
            "ballast": torch.zeros(self.arguments.bytes, dtype=torch.uint8),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.precision.load_state_dict(state["precision"])


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("iterations", type=int)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--max-hours", type=float)
    parser.add_argument("--seconds", type=float, default=0.0, help="how long an iteration lasts at least")
    parser.add_argument("--slow-after", type=int, default=0, help="the iterations that do not last")
    parser.add_argument("--checkpoint-every", type=int, default=5)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--bytes", type=int, default=0, help="how much larger a checkpoint is")
    arguments = parser.parse_args()
    plan = TrainingPlan(
        iterations=arguments.iterations, log_every=2, save_every=arguments.checkpoint_every, seed=3, workers=1
    )
    with Distributed.start("cpu") as distributed:

        def open_run() -> Run:
            return Run.open(
                arguments.folder,
                {"iterations": arguments.iterations, "batch": arguments.batch, "log": {"every": 2}},
                curves=arguments.folder.parent / "logs" / arguments.folder.name,
                resume=arguments.resume,
                max_hours=arguments.max_hours,
                keep=2,
                distributed=distributed,
                seconds_per_line=0.5,
            )

        nobody = Dataset("toy", Path("nowhere"), ())
        run_training(ToyTask(arguments, distributed), NoSource(), plan, open_run, nobody, distributed)
    return 0


if __name__ == "__main__":
    command(main)
