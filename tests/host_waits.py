"""Where a step waits for its device: what a GPU's step must not do but where a figure is logged.

Without a GPU the device is torch's "meta", which has shapes and no numbers: autograd, optimizers and copies run as they
do on a GPU, and whatever asks for a number is an error. Copies between it and the CPU are counted.
"""

import contextlib
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

META = torch.device("meta")
# Their result depends on numbers, so the host waits for them.
ASKING = {"_local_scalar_dense", "item", "is_nonzero", "nonzero", "masked_select", "equal", "_unique2"}


class HostWaits(TorchDispatchMode):
    """Collects, as lines of our own code, what waits for a device other than the CPU.

    `kernels` is the number of operations on that device.
    """

    class Asked(Exception):
        """A number of the device was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []
        self.kernels = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        before = {leaf.device.type for leaf in given}
        try:
            result = func(*args, **kwargs)
        except (RuntimeError, NotImplementedError) as error:
            if "meta" in before:
                raise self.Asked(f"{func}: {place()}") from error
            raise
        after = {leaf.device.type for leaf in tree_leaves(result) if isinstance(leaf, torch.Tensor)}
        name = func._overloadpacket.__name__
        on_device = (before | after) - {"cpu"}
        crosses = name in ("_to_copy", "copy_") and len(before | after) > 1
        if kwargs.get("non_blocking") and before == {"cpu"}:
            crosses = False  # it runs beside the work; `dgnet.core.device_copies.to_device` and the loader pin memory
        if on_device and (name in ASKING or crosses):
            self.waits.append(f"{name}: {place()}")
        if on_device and not func.is_view:
            self.kernels += 1
        return result


class NumbersCopied(TorchFunctionMode):
    """Collects tensors of Python numbers, which are copied to the device at once."""

    def __init__(self, waits: list[str]) -> None:
        super().__init__()
        self.waits = waits

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in (torch.tensor, torch.as_tensor) and result.device.type == "meta":
            self.waits.append(f"tensor: {place()}")
        return result


def place() -> str:
    """The innermost line of our own."""
    ours = [
        line
        for line in traceback.extract_stack()
        if "/site-packages/" not in line.filename and not line.filename.endswith("host_waits.py")
    ]
    return f"{ours[-1].filename}:{ours[-1].lineno} {ours[-1].line}"


@contextlib.contextmanager
def meta_device() -> Iterator[torch.device]:
    """`META`, with autocast, which does not know it, switched off."""
    autocast = torch.autocast

    def known(kind: str, *args: Any, **options: Any) -> Any:
        return autocast("cpu", enabled=False) if kind == "meta" else autocast(kind, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "autocast", known)
        yield META


@contextlib.contextmanager
def device_of_waits(name: str) -> Iterator[torch.device]:
    """`META`, or the GPU: where the waits of a step are looked for."""
    if name == "cuda":
        yield torch.device("cuda", torch.cuda.current_device())
        return
    with meta_device() as device:
        yield device


def waits_of(work: Callable[[], object], device: torch.device) -> list[str]:
    """What waited for the device in `work`; on a GPU, where torch says it itself, the first alone."""
    if device.type == "cuda":
        torch.cuda.set_sync_debug_mode("error")
        try:
            work()
        except RuntimeError as error:
            if "synchroniz" not in str(error):
                raise
            return [str(error)]
        finally:
            torch.cuda.set_sync_debug_mode("default")
        return []
    with HostWaits() as counter, NumbersCopied(counter.waits):
        try:
            work()
        except HostWaits.Asked as asked:
            return [str(asked)]
    return counter.waits
