"""A small training run as a program of its own, for tests that kill it: `python toy_training.py FOLDER ITERATIONS`.

Each iteration has random numbers of its own, as in every training; its last state is its last checkpoint.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import torch
from torch import nn

from dgnet.core.checkpoint import State, load_checkpoint
from dgnet.core.device import Precision
from dgnet.core.distributed import Distributed
from dgnet.core.errors import command
from dgnet.core.random_draws import iteration_seed
from dgnet.runs.run import Run


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

    distributed = Distributed.start("cpu")
    run = Run.open(
        arguments.folder,
        {"iterations": arguments.iterations, "batch": arguments.batch, "log": {"every": 2}},
        curves=arguments.folder.parent / "logs" / arguments.folder.name,
        resume=arguments.resume,
        max_hours=arguments.max_hours,
        keep=2,
        distributed=distributed,
        seconds_per_line=0.5,
    )
    torch.manual_seed(3)
    network = nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.Dropout(0.2), nn.ReLU(), nn.Linear(16, 1))
    distributed.broadcast_module(network)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    precision = Precision("fp16", torch.device("cpu"))
    start = 0
    checkpoint = run.latest_checkpoint()
    if checkpoint is not None:
        state = load_checkpoint(checkpoint)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        precision.load_state_dict(state["precision"])
        start = state["iteration"]

    def everything(iteration: int) -> State:
        return {
            "iteration": iteration,
            "network": network.state_dict(),
            "optimizer": optimizer.state_dict(),
            "precision": precision.state_dict(),
            "ballast": torch.zeros(arguments.bytes, dtype=torch.uint8),
        }

    with run:
        for iteration in run.iterations(start, arguments.iterations):
            torch.manual_seed(iteration_seed(3, iteration, distributed.rank))
            images = torch.randn(arguments.batch, 4)
            with precision.autocast():
                loss = (network(images).float() - images.sum(1, keepdim=True)).square().mean()
            optimizer.zero_grad()
            precision.backward(loss)
            distributed.average_gradients(network.parameters())
            precision.step(optimizer)
            time.sleep(arguments.seconds if iteration > arguments.slow_after else 0)
            if run.is_time_to(2, iteration):
                run.log(iteration, distributed.mean({"regression": loss}), {"regression": 1.0})
            if run.is_time_to(arguments.checkpoint_every, iteration) or run.should_stop:
                run.save(iteration, everything(iteration))
            if run.should_stop:
                break
    distributed.close()
    return run.exit_status


if __name__ == "__main__":
    command(main)
