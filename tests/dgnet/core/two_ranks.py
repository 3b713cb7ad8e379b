"""What each of several processes sees, for the tests of dgnet.core.distributed: `torchrun ... two_ranks.py FOLDER`.

Each rank writes its answers to FOLDER/rank_N.json, and rank 0 the weights it trained to FOLDER/weights.pt.
"""

import hashlib
import json
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import torch
from torch import Tensor, nn

from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.runs.run import Run
from dgnet.training.finite import require_finite
from dgnet.training.task import StepLog


def same_on_every_rank(distributed: Distributed, tensors: Iterable[Tensor]) -> bool:
    """Whether these tensors have the same bits on every rank; every rank gets the answer."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return len(set(distributed.gather(digest.hexdigest()))) == 1


def network(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 10), nn.LayerNorm(10), nn.Tanh(), nn.Linear(10, 3)).double()


def train(model: nn.Module, distributed: Distributed, unused: Tensor) -> None:
    """Five steps on this rank's share of the batch; one parameter has no gradient."""
    generator = torch.Generator().manual_seed(7)
    parameters = [*model.parameters(), nn.Parameter(unused)]
    optimizer = torch.optim.Adam(parameters, lr=0.05)
    for _ in range(5):
        batch = torch.randn(8, 6, generator=generator, dtype=torch.float64)
        share = batch.chunk(distributed.world_size)[distributed.rank]
        optimizer.zero_grad()
        model(share).square().mean().backward()
        distributed.average_gradients(parameters)
        optimizer.step()


def stopped_at(folder: Path, distributed: Distributed) -> int:
    """The iteration at which this rank leaves when only the last rank is terminated, in iteration 3."""
    run = Run.open(folder / "run", {}, curves=folder / "curves", distributed=distributed)
    with run:
        for iteration in run.iterations(10):
            if iteration == 3 and distributed.rank == distributed.world_size - 1:
                os.kill(os.getpid(), signal.SIGTERM)
            distributed.barrier()
            if run.should_stop():
                run.save(iteration, {"ranks": distributed.gather(distributed.rank)})
                break
    return iteration


def refusal(work: object) -> str:
    try:
        work()  # type: ignore[operator]
    except (UserError, RuntimeError, SystemExit) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def main() -> None:
    folder = Path(sys.argv[1])
    with Distributed.start("cpu") as distributed:
        answer(folder, distributed)
    tasks = Path("/proc/self/task")
    threads = [(task / "comm").read_text().strip() for task in tasks.iterdir()] if tasks.exists() else []
    (folder / f"threads_{distributed.rank}.json").write_text(json.dumps(threads))


def answer(folder: Path, distributed: Distributed) -> None:
    rank = distributed.rank
    model = network(seed=rank)
    model.register_buffer("mask", torch.tensor([True, rank == 0]))
    tensors = [*model.parameters(), *model.buffers()]
    answers: dict[str, object] = {"same_before": same_on_every_rank(distributed, tensors)}
    distributed.broadcast_module(model)
    answers["same_after"] = same_on_every_rank(distributed, tensors)
    train(model, distributed, torch.ones(2, dtype=torch.float64))
    answers["same_trained"] = same_on_every_rank(distributed, tensors)
    if rank == 0:
        torch.save(model.state_dict(), folder / "weights.pt")
    answers["mean"] = distributed.mean({"b": float(rank), "a": torch.tensor(10.0 * rank, requires_grad=True)})
    answers["maximum"] = [distributed.maximum(rank), distributed.maximum(-1)]
    answers["gather"] = distributed.gather({"rank": rank})
    odd = [nn.Parameter(torch.zeros(2 + rank))]
    odd[0].grad = torch.zeros(2 + rank)
    answers["odd"] = refusal(lambda: distributed.average_gradients(odd))
    answers["sync_batch_norm"] = refusal(lambda: distributed.synchronize_batch_norm(model))
    answers["one_refuses"] = refusal(lambda: distributed.refuse_together("no number" if rank else None))
    log = StepLog({"identity": torch.tensor(float("nan") if rank else 1.0)}, {}, {}, 1)
    task, run = SimpleNamespace(advice=lambda: "lower it"), SimpleNamespace(latest_checkpoint=lambda: None)
    answers["nan_on_one"] = refusal(lambda: require_finite([(3, log)], task, run, distributed))
    answers["none_refuses"] = refusal(lambda: distributed.refuse_together(None))
    answers["stopped_at"] = stopped_at(folder, distributed)
    answers["second_run"] = refusal(lambda: Run.open(folder / "run", {}, curves=folder, distributed=distributed))
    (folder / f"rank_{rank}.json").write_text(json.dumps(answers))


if __name__ == "__main__":
    main()
