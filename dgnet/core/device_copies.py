"""Copies of tensors to a device, without waiting for it."""

import functools
from typing import Any

import torch
from torch import Tensor


def constant(values: Any, like: Tensor) -> Tensor:
    """A small constant tensor on the device and in the type of `like`, copied there once.

    `torch.tensor` in a step would copy it each time, and wait for a GPU.

    Args:
        values: a number, or tuples of numbers as in `torch.tensor`.

    Example:
        >>> constant((1, 2), torch.zeros(3))
        tensor([1., 2.])
    """
    if torch.compiler.is_compiling():  # also in an export: its tensors are none of this process's
        return torch.tensor(values, dtype=like.dtype, device=like.device)
    return _constant(values, like.dtype, like.device)


@functools.lru_cache(maxsize=64)
def _constant(values: Any, dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):  # else no graph could hold it
        return torch.tensor(values, dtype=dtype, device=device)


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on the device, without waiting for it: a copy to a GPU goes through page-locked memory.

    Example:
        >>> to_device(torch.ones(2), torch.device("cpu"))
        tensor([1., 1.])
    """
    if device.type == "cuda" and tensor.device.type == "cpu" and not tensor.is_pinned():
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)
