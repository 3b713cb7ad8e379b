"""Batches prepared ahead of the training by background threads."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import torch

from dgnet.core.errors import UserError


@runtime_checkable
class Batch(Protocol):
    """Tensors that travel together."""

    def to(self, device: torch.device | str, non_blocking: bool = True) -> Any:
        """The batch on `device`."""

    def pin_memory(self) -> Any:
        """The batch in page-locked memory, from which copies to a GPU run beside its work."""


SomeBatch = TypeVar("SomeBatch", bound=Batch)
SourceBatch = TypeVar("SourceBatch", bound=Batch, covariant=True)


@runtime_checkable
class Source(Protocol[SourceBatch]):
    """Batches as a pure function of the iteration, which several threads may ask at once."""

    def batch(self, iteration: int) -> SourceBatch:
        """The batch of `iteration` (counted from 0), on the CPU."""


class Prefetcher(Generic[SomeBatch]):
    """Batches of `source` in order, from `start_iteration` on and without end, prepared by background threads.

    `waited_s` is the time in seconds that the consumer has spent waiting for batches so far. An exception in a worker
    is raised where the batch is asked for. Close it, or use it as a context manager.
    """

    def __init__(
        self, source: Source[SomeBatch], start_iteration: int = 0, workers: int = 2, device: torch.device | str = "cpu"
    ) -> None:
        """`workers` >= 1 threads; with a CUDA `device` batches go through page-locked memory."""
        if workers < 1:
            raise UserError(f"the number of loader workers must be at least 1, and it is {workers}")
        self.waited_s = 0.0
        self._source, self._device = source, torch.device(device)
        self._next = start_iteration
        self._ahead = workers + 2
        # torch.set_num_threads in a worker would also set the default of threads that have no number yet: this call
        # gives the current thread its own number before.
        torch.get_num_threads()
        # One core each: a worker with a team of its own for every core would take them from the training for nothing
        # (an iteration of the demo lost 0.1 of 0.3 s).
        self._pool = ThreadPoolExecutor(
            workers, thread_name_prefix="loader", initializer=torch.set_num_threads, initargs=(1,)
        )
        self._pending: deque[Future[SomeBatch]] = deque()
        self._fill()

    def _fill(self) -> None:
        while len(self._pending) < self._ahead:
            self._pending.append(self._pool.submit(self._make, self._next))
            self._next += 1

    def _make(self, iteration: int) -> SomeBatch:
        batch = self._source.batch(iteration)
        return batch.pin_memory() if self._device.type == "cuda" else batch

    def __iter__(self) -> "Prefetcher[SomeBatch]":
        return self

    def __next__(self) -> SomeBatch:
        started = perf_counter()
        try:
            batch = self._pending.popleft().result()
        except BaseException:
            self.close()
            raise
        self.waited_s += perf_counter() - started
        self._fill()
        return batch.to(self._device)

    def close(self) -> None:
        """Stop the threads; batches prepared ahead are dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._pending.clear()

    def __enter__(self) -> "Prefetcher[SomeBatch]":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
