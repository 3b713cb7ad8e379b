"""Where the arithmetic happens, and in which precision."""

import functools
import logging
import platform
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import torch
from pydantic import BeforeValidator
from torch import Tensor
from torch.optim import Optimizer

from dgnet.core.errors import UserError
from dgnet.core.machine import cpu_model

PrecisionName = Literal["auto", "fp32", "tf32", "bf16", "fp16"]
DEVICES = "auto, cpu, cuda or cuda:NUMBER (cuda:0 is the first GPU)"


def device_name(name: object) -> str:
    """What `choose_device` takes, whether or not it is here. `ValueError` for anything else, such as the number 0."""
    if not isinstance(name, str) or not re.fullmatch(r"auto|cpu|cuda(:\d+)?", name):
        raise ValueError(f"must be {DEVICES}")
    return name


# In a configuration: a number alone would be taken for text that lacks its quotes.
DeviceName = Annotated[str, BeforeValidator(device_name)]

_X86 = ("x86_64", "AMD64")
_DTYPES = {"fp32": torch.float32, "tf32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
# The scale begins at 2^16: by then it is 2^-24, and nothing overflows that is finite.
_MOST_SKIPPED = 40
_log = logging.getLogger(__name__)


def choose_device(name: str = "auto") -> torch.device:
    """`auto` (CUDA where there is one, else the CPU), `cpu`, `cuda` or `cuda:1` -> device.

    Raises `UserError` for any other name and for a device that is not there.
    """
    try:
        device_name(name)
    except ValueError as error:
        raise UserError(f"the device {error}, got {name!r}") from error
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        name = "cuda" if count else "cpu"
    if name == "cpu":
        return torch.device("cpu")
    if count == 0:
        why = (
            "this torch is built without CUDA" if torch.version.cuda is None else "torch finds no usable GPU and driver"
        )
        raise UserError(f"device {name!r} is not available ({why}); use auto or cpu")
    device = torch.device(name)
    if (device.index or 0) >= count:
        raise UserError(f"device {name!r} does not exist; the last GPU here is cuda:{count - 1}")
    return torch.device("cuda", torch.cuda.current_device()) if device.index is None else device


@functools.cache  # so that what it logs is said once
def choose_precision(name: PrecisionName, device: torch.device) -> PrecisionName:
    """What a step computes in: `fp32`, `tf32`, `bf16` or `fp16`; for `auto` bf16 where the device has it, else fp32.

    The log says where a device has no bf16 for `auto`, no TF32, which is fp32 then, or none of the halves asked for:
    torch emulates these, many times slower than fp32.
    """
    wanted: PrecisionName = "bf16" if name == "auto" else name
    if _computes_in(wanted, device):
        return wanted
    model = torch.cuda.get_device_name(device) if device.type == "cuda" else f"this CPU ({cpu_model()})"
    if name in ("auto", "tf32"):
        _log.warning("precision %s: fp32, as %s has no %s arithmetic", name, model, wanted)
        return "fp32"
    _log.warning("%s has no %s arithmetic: torch emulates it, many times slower; take auto or fp32", model, name)
    return name


def _computes_in(name: PrecisionName, device: torch.device) -> bool:
    """Whether the device's own arithmetic has it. On a CPU oneDNN says so: those with AVX2 alone have neither half.

    Of x86 that is not all: oneDNN calls bf16 supported where there is AVX-512, and emulates it without instructions.
    """
    if name == "fp32" or (name == "fp16" and device.type == "cuda"):
        return True
    if device.type == "cuda":
        # Both came with the Ampere cards.
        if name == "tf32":
            return torch.cuda.get_device_capability(device) >= (8, 0)
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if name == "tf32":
        return False
    if not torch.backends.mkldnn.is_available() or not getattr(torch.ops.mkldnn, f"_is_mkldnn_{name}_supported")():
        return False
    return name != "bf16" or platform.machine() not in _X86 or _has_bf16_instructions()


def _has_bf16_instructions() -> bool:
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


class Precision:
    """The precision of a training step by torch's autocast, with a loss scaler for `fp16`; names as `choose_precision`.

    A step is `with precision.autocast(): loss = ...`, then `precision.backward(loss)` (once per accumulated part),
    gradients averaged over ranks if there are several, then `precision.step(optimizer)`. In `fp16` the loss is scaled
    so that small gradients survive; an optimizer whose gradients overflowed skips its step, which is counted once for
    all in `skipped_steps`, and the scale is halved. One `Precision` per phase (discriminator, generator) keeps their
    scales apart.
    """

    def __init__(self, name: PrecisionName, device: torch.device) -> None:
        self.name = choose_precision(name, device)
        self.device = device
        self.dtype = _DTYPES[self.name]
        self.skipped_steps = 0
        self._skipped_in_a_row = 0
        self._scaler = torch.amp.GradScaler(device.type, enabled=self.name == "fp16")

    def autocast(self) -> torch.autocast:
        """The context for forward passes and losses; for `fp32` and `tf32` it switches any outer autocast off."""
        return torch.autocast(self.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32)

    @property
    def scale(self) -> float:
        """What the loss is multiplied with before the backward pass: 1 but for `fp16`."""
        return self._scaler.get_scale()

    def backward(self, loss: Tensor, retain_graph: bool = False, inputs: Iterable[Tensor] | None = None) -> None:
        """Add the gradients of a scalar loss (scaled, in `fp16`), to `inputs` alone if they are given."""
        scaled = self._scaler.scale(loss)
        scaled.backward(retain_graph=retain_graph, inputs=None if inputs is None else list(inputs))

    def step(self, *optimizers: Optimizer) -> bool:
        """Step the optimizers of one backward pass; whether none of them had to skip (always so but for `fp16`).

        `UserError` where a step is the last of so many skipped in a row that no scale can help: gradients that are not
        finite, of a loss that is.
        """
        # The scaler refuses an optimizer without any gradient, as where no term of an iteration has a weight.
        moved = [optimizer for optimizer in optimizers if _has_gradient(optimizer)]
        if not moved:
            return True
        before = self.scale
        for optimizer in moved:
            self._scaler.step(optimizer)
        self._scaler.update()
        stepped = self.scale >= before  # the scale falls exactly when an optimizer met an overflow
        self.skipped_steps += not stepped
        self._skipped_in_a_row = 0 if stepped else self._skipped_in_a_row + 1
        if self._skipped_in_a_row == _MOST_SKIPPED:
            raise UserError(
                f"run.precision=fp16: the gradients of {_MOST_SKIPPED} steps in a row are not finite, so none was "
                "taken and nothing is learned; choose bf16, tf32 or fp32"
            )
        return stepped

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps: the scaler's state and the number of skipped steps."""
        return {"scaler": self._scaler.state_dict(), "skipped_steps": self.skipped_steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from `state_dict`'s answer of the same precision."""
        if self._scaler.is_enabled():
            self._scaler.load_state_dict(dict(state["scaler"]))
        self.skipped_steps = state["skipped_steps"]


def _has_gradient(optimizer: Optimizer) -> bool:
    return any(parameter.grad is not None for group in optimizer.param_groups for parameter in group["params"])
