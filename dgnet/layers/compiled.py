"""Small functions that torch.compile turns into one kernel each, where compilation is switched on.

A chain of elementwise operations and plane sums walks over memory once per operation; compiled, it walks once or twice.
Whole networks are not compiled: their convolutions gain nothing, and the time to compile them is long.
"""

import functools
import logging
from collections.abc import Callable
from typing import Any

import torch

_log = logging.getLogger(__name__)
_state = {"on": False}
# One function meets planes of many sizes, with and without gain, activation and gradient.
_VARIANTS = 64


def compile_small_functions(on: bool, device: torch.device) -> bool:
    """Switch compilation on or off for this process; whether it is on now.

    The arithmetic is the same but for the order of additions. Without a working compiler (C++ for the CPU, Triton for a
    GPU) it stays off, and the log says why.
    """
    _state["on"] = on and _compiler_works(device)
    return _state["on"]


def compiling() -> bool:
    """Whether `compiled` functions are compiled in this process."""
    return _state["on"]


def _compiler_works(device: torch.device) -> bool:
    import torch._dynamo  # seconds, for those who compile

    # Its newer name, recompile_limit, is unknown to torch 2.6.
    torch._dynamo.config.cache_size_limit = _VARIANTS
    try:
        torch.compile(lambda x: x * 2 + 1, dynamic=True)(torch.ones(8, device=device))
    except Exception as error:  # noqa: BLE001  # a compiler's failures have no common class over torch versions
        _log.warning("run.compile: no working compiler here, plain operations do the same (%s)", _reason(error))
        return False
    return True


def _reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, pure and of tensors and numbers, in as few kernels as can be where compilation is on.

    Autocast is off inside. float64 always takes the operations as they are written: it is for comparisons.
    """
    kernels: list[Callable[..., Any]] = []

    @functools.wraps(function)
    def call(x: torch.Tensor, *rest: Any) -> Any:
        with torch.autocast(x.device.type, enabled=False):
            if not _state["on"] or x.dtype == torch.float64:
                return function(x, *rest)
            if not kernels:
                kernels.append(torch.compile(function, dynamic=True, fullgraph=True))
            try:
                return kernels[0](x, *rest)
            except torch._dynamo.exc.TorchDynamoException as error:
                # Ctrl-C and SIGTERM reach the compiler, too, and a disk may be full by now: the run must still save.
                _state["on"] = False
                reason = _reason(error)
                _log.warning("run.compile: a compiler failed, plain operations do the same from here on (%s)", reason)
            return function(x, *rest)

    return call
