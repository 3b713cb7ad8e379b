"""What several processes of one run need from torch.distributed, and nothing when there is only one.

Started by `torchrun`, each process is one rank with one device. Tensors on the CPU travel by gloo, those on CUDA by
NCCL, so that questions about flags and figures never wait for the GPU.
"""

import importlib
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from dgnet.core.device import choose_device
from dgnet.core.errors import RunStopped, UserError

BUCKET_BYTES = 32 * 2**20
Result = TypeVar("Result")
Network = TypeVar("Network", bound=nn.Module)


def number_of_processes() -> int:
    """How many processes `torchrun` started; 1 without it. `UserError` where its variable is no such number."""
    return _of_launcher("WORLD_SIZE", 1, 2**31 - 1) if "WORLD_SIZE" in os.environ else 1


def _of_launcher(name: str, least: int, most: int) -> int:
    """A number that `torchrun` puts into the environment."""
    text = os.environ.get(name, "")
    if not re.fullmatch("[0-9]{1,18}", text) or not least <= int(text) <= most:
        size = f", where WORLD_SIZE is {os.environ['WORLD_SIZE']}" if name != "WORLD_SIZE" else ""
        raise UserError(
            f"the environment variable {name} must be a number from {least} to {most}{size}, "
            f"{f'got {text!r}' if text else 'it is not set'}: start several processes by torchrun, which sets it, and "
            "one without WORLD_SIZE"
        )
    return int(text)


@dataclass(frozen=True)
class Distributed:
    """One process among `world_size`: its `rank` over all machines, `local_rank` on its own (both from 0), `device`."""

    rank: int
    local_rank: int
    world_size: int
    device: torch.device

    @classmethod
    def start(cls, device: str = "auto") -> "Distributed":
        """Join the other processes if `torchrun` started this one (it sets RANK and WORLD_SIZE), else be alone.

        Leave them with `close`, or use it as a context manager: `with Distributed.start() as distributed:`.

        `device` is what `dgnet.core.device.choose_device` takes. With several processes on CUDA each takes the GPU of
        its local rank, so a numbered device is a `UserError`, and so are fewer GPUs than processes on a machine,
        variables of a launcher that are not all there, and processes that do not find each other.
        """
        world_size = number_of_processes()
        chosen = choose_device(device)
        if world_size == 1:
            if chosen.type == "cuda":
                torch.cuda.set_device(chosen)
            return cls(0, 0, 1, chosen)
        rank, local_rank = (_of_launcher(name, 0, world_size - 1) for name in ("RANK", "LOCAL_RANK"))
        if chosen.type == "cuda":
            if ":" in device:
                raise UserError(f"device {device!r} is one GPU for {world_size} processes; give auto, cuda or cpu")
            count = torch.cuda.device_count()
            if local_rank >= count:
                raise UserError(f"this machine has {count} GPUs, fewer than processes here; lower --nproc-per-node")
            chosen = torch.device("cuda", local_rank)
            torch.cuda.set_device(chosen)
        # Its functions have the group of all processes as a default argument. Imported later (torch does so for its
        # optimizers), they would keep the group and its threads alive beyond `close`, which now and then aborts
        # the exit of Python ("terminate called without an active exception").
        importlib.import_module("torch.distributed.nn.functional")
        try:
            dist.init_process_group("cpu:gloo,cuda:nccl" if chosen.type == "cuda" else "gloo")
        except (dist.DistNetworkError, ValueError) as error:
            place = ", ".join(f"{name}={os.environ.get(name, '')}" for name in ("MASTER_ADDR", "MASTER_PORT"))
            raise UserError(
                f"process {rank} of {world_size} does not join the others by {place}: {str(error).splitlines()[0]}; "
                "torchrun sets these variables"
            ) from error
        return cls(rank, local_rank, world_size, chosen)

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes files and messages."""
        return self.rank == 0

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by its mean over all ranks, in place; afterwards every rank has the same bits.

        With losses that are means over the batch, and equal batches, that is the gradient of the whole batch.
        Parameters without a gradient keep none. Every rank must pass the same parameters with the same of them in use:
        `RuntimeError` otherwise. Call it after the last backward pass of a step and before unscaling and stepping.
        """
        if self.world_size == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        size = sum(gradient.numel() for gradient in gradients)
        largest, smallest = self.maximum(size), -self.maximum(-size)
        if largest != smallest:
            raise RuntimeError(
                f"rank {self.rank} averages gradients of {size} numbers, another rank a different number"
            )
        self._average(gradients)

    def average_statistics(self, module: nn.Module) -> None:
        """Replace each running statistic of `module` by its mean over all ranks, as one rank's checkpoint tells all."""
        if self.world_size > 1:
            self._average([buffer for buffer in module.buffers() if buffer.is_floating_point()])

    def _average(self, tensors: list[Tensor]) -> None:
        for bucket in _buckets(tensors):
            flat = torch.cat([tensor.reshape(-1) for tensor in bucket])
            dist.all_reduce(flat)
            flat /= self.world_size
            means = flat.split([tensor.numel() for tensor in bucket])
            torch._foreach_copy_(bucket, [mean.view_as(tensor) for tensor, mean in zip(bucket, means, strict=True)])

    def mean(self, values: Mapping[str, float | int | Tensor]) -> dict[str, float]:
        """The mean of each figure over all ranks (the same names on each), in float64."""
        if self.world_size == 1:
            return {name: number(value) for name, value in values.items()}
        numbers = torch.tensor([number(values[name]) for name in sorted(values)], dtype=torch.float64)
        dist.all_reduce(numbers)
        means = dict(zip(sorted(values), (numbers / self.world_size).tolist(), strict=True))
        return {name: means[name] for name in values}

    def maximum(self, value: int) -> int:
        """The largest of the ranks' integers."""
        if self.world_size == 1:
            return value
        largest = torch.tensor([value], dtype=torch.int64)
        dist.all_reduce(largest, op=dist.ReduceOp.MAX)
        return int(largest)

    def broadcast_module(self, module: nn.Module) -> None:
        """Give every rank the parameters and buffers that rank 0 has."""
        if self.world_size == 1:
            return
        for tensor in [*module.parameters(), *module.buffers()]:
            whole = tensor.detach().contiguous()
            dist.broadcast(whole, src=0)
            tensor.detach().copy_(whole)

    def gather(self, value: Any) -> list[Any]:
        """What each rank passed, in the order of the ranks, on every rank: random states for a checkpoint, say."""
        if self.world_size == 1:
            return [value]
        values: list[Any] = [None] * self.world_size
        dist.all_gather_object(values, value)
        return values

    def agree(self, value: Any) -> Any:
        """What rank 0 passed, on every rank."""
        return self.gather(value)[0]

    def refuse_together(self, sentence: str | None) -> None:
        """End the program on every rank where any rank has a `sentence` that says why; all ranks ask together.

        Rank 0 raises the first one as a `UserError`, the others leave silently with the same status 2.
        """
        if not self.maximum(sentence is not None):
            return
        first = next(one for one in self.gather(sentence) if one is not None)
        raise UserError(first) if self.is_main else SystemExit(2)

    def on_main(self, work: Callable[[], Result]) -> Result | None:
        """Do `work` on rank 0 while the others wait; they get None.

        A `UserError` there, or an `OSError` (a full disk), is everybody's end: rank 0 raises it, the others leave
        silently with the same status 2.
        """
        result: Result | None = None
        refusal: UserError | OSError | None = None
        if self.is_main:
            try:
                result = work()
            except (UserError, OSError) as error:
                refusal = error
        if self.agree(refusal is not None):
            raise refusal or SystemExit(2)
        return result

    def barrier(self) -> None:
        """Wait until every rank is here."""
        self.maximum(0)

    def synchronize_batch_norm(self, module: Network) -> Network:
        """Return `module` with batch statistics over all ranks' images; a `UserError` on a CPU, where torch cannot."""
        if self.device.type != "cuda":
            raise UserError(f"synchronized batch norm works on CUDA only, the device is {self.device}; turn it off")
        return module if self.world_size == 1 else nn.SyncBatchNorm.convert_sync_batchnorm(module)

    def __enter__(self) -> "Distributed":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Leave the group of processes, unless an error may have come to this process alone: others would wait."""
        if error is None or isinstance(error, RunStopped):
            self.close()

    def close(self) -> None:
        """Leave the group of processes, once every rank is about to; its threads end."""
        if dist.is_initialized():
            self.barrier()
            dist.destroy_process_group()


def number(value: float | int | Tensor) -> float:
    """A figure or a scalar tensor as a float, whatever graph or device it comes from."""
    return float(value.detach()) if isinstance(value, Tensor) else float(value)


def _buckets(tensors: list[Tensor]) -> list[list[Tensor]]:
    """Consecutive tensors of one type together, up to `BUCKET_BYTES`: few messages, small copies."""
    buckets: list[list[Tensor]] = []
    size = 0
    for tensor in tensors:
        if not buckets or buckets[-1][0].dtype != tensor.dtype or size + tensor.nbytes > BUCKET_BYTES:
            buckets.append([])
            size = 0
        buckets[-1].append(tensor)
        size += tensor.nbytes
    return buckets
