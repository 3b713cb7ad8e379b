"""Whole steps of the paper's networks in float64 in few GB."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

# Entries; smaller tensors stay where they are.
LARGE = 100_000
# glibc's numbers of these settings, and what they are set to.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -3, -4, -8
LIBC = ctypes.CDLL(None)


def keep_little() -> None:
    """Freed tensors of 4 MB and more go back to the system at once; glibc keeps up to 32 MB each otherwise.

    This also undoes `dgnet.core.memory.keep_freed_memory`, which a training in the same process has called.
    """
    if hasattr(LIBC, "mallopt"):
        # Small tensors come and go at the end of the heap: giving it back each time costs more than they.
        LIBC.mallopt(M_TRIM_THRESHOLD, 128 << 20)
        LIBC.mallopt(M_MMAP_MAX, 65536)
        LIBC.mallopt(M_MMAP_THRESHOLD, 4 << 20)
        LIBC.mallopt(M_ARENA_MAX, 2)


def release() -> None:
    """Free what only cycles refer to, and give back to the system what is free, now and from now on."""
    keep_little()
    gc.collect()
    if hasattr(LIBC, "malloc_trim"):
        LIBC.malloc_trim(0)


@contextmanager
def saved_on_disk(folder: Path) -> Iterator[None]:
    """Inside it, what autograd saves for the backward pass lies in files of `folder`; parameters stay in memory."""
    # A tensor that several operations save is written once. The reference keeps its address from being used again.
    written: dict[tuple[int, ...], tuple[StorageWeakRef, Path]] = {}

    def pack(tensor: Tensor) -> Tensor | tuple[Path, torch.Size, torch.dtype]:
        if tensor.is_leaf or tensor.numel() < LARGE or not tensor.is_contiguous():
            return tensor
        storage = StorageWeakRef(tensor.untyped_storage())
        key = storage.cdata, tensor._version, tensor.storage_offset(), tensor.numel()
        if key not in written:
            path = folder / str(len(written))
            tensor.detach().numpy().tofile(path)
            written[key] = storage, path
        return written[key][1], tensor.shape, tensor.dtype

    def unpack(packed: Tensor | tuple[Path, torch.Size, torch.dtype]) -> Tensor:
        if isinstance(packed, Tensor):
            return packed
        path, shape, dtype = packed
        return torch.from_file(str(path), size=shape.numel(), dtype=dtype).view(shape)

    with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
        yield
