"""The numerics of a process: one function sets torch's backends, and says what it set.

By torch's own defaults cuDNN computes float32 convolutions in TF32 (ten bits of mantissa) on a GPU that has it, while
matrix products are float32. Here float32 means float32, and TF32 is a precision of its own.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch

from dgnet.core.device import PrecisionName, choose_device, choose_precision

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Numerics:
    """What `set_numerics` has set.

    Attributes:
        precision: what the networks compute in ("auto" is decided).
        tf32: whether what is float32 takes TF32 in convolutions and matrix products.
        benchmark: whether cuDNN tries its algorithms on each new shape and keeps the fastest.
        deterministic: whether every algorithm gives the same bits each time.
        channels_last: whether the networks' memory format is channels_last; None where nobody asked.
    """

    device: torch.device
    precision: PrecisionName
    tf32: bool
    benchmark: bool
    deterministic: bool
    channels_last: bool | None

    def __str__(self) -> str:
        """
        >>> str(Numerics(torch.device("cpu"), "fp32", False, False, False, True))
        'computes in fp32 on cpu (TF32 off, cuDNN benchmark off, deterministic algorithms off, channels_last on)'
        """
        switches = {
            "TF32": self.tf32,
            "cuDNN benchmark": self.benchmark,
            "deterministic algorithms": self.deterministic,
            "channels_last": self.channels_last,
        }
        said = ", ".join(f"{name} {'on' if on else 'off'}" for name, on in switches.items() if on is not None)
        return f"computes in {self.precision} on {self.device} ({said})"


def set_numerics(
    device: torch.device,
    precision: PrecisionName = "fp32",
    *,
    fixed_shapes: bool = False,
    deterministic: bool = False,
    channels_last: bool | None = None,
) -> Numerics:
    """Set torch's backends for the work that follows in this process; the log says it in one line.

    The flags that torch has from 2.6 on are set: its `fp32_precision` is unknown before 2.9, and not to be mixed with
    them.

    Args:
        precision: as `choose_precision`. `fp32` computes float32 everywhere, `tf32` convolutions and matrix products of
            float32 in TF32. In `bf16` and `fp16`, which are coarser, what stays float32 may take TF32 too.
        fixed_shapes: the work repeats few shapes, as training does: cuDNN looks for the fastest algorithm of each. It
            may be another one in the next process, so it does not where `deterministic` is asked for.
        deterministic: the same bits each time on the same device; torch warns of an operation that cannot.
        channels_last: the memory format of the networks, for the log.

    Example:
        >>> set_numerics(torch.device("cpu"), "fp32").tf32
        False
    """
    computed = choose_precision(precision, device)
    tf32 = device.type == "cuda" and computed != "fp32"
    benchmark = fixed_shapes and not deterministic and device.type == "cuda"
    _set_tf32(tf32)
    torch.backends.cudnn.benchmark = benchmark
    # Where no speed is to be had from a choice, the same algorithm each time.
    torch.backends.cudnn.deterministic = deterministic or not fixed_shapes
    if deterministic:
        # cuBLAS reads it when it is first used.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(deterministic, warn_only=True)
    numerics = Numerics(device, computed, tf32, benchmark, deterministic, channels_last)
    _log.info("%s", numerics)
    return numerics


@runtime_checkable
class TrainingNumerics(Protocol):
    """The settings of a training that `set_training_numerics` takes: section `run` of its configuration."""

    @property
    def precision(self) -> PrecisionName:
        """As in `set_numerics`."""

    @property
    def deterministic(self) -> bool:
        """Likewise."""

    @property
    def channels_last(self) -> bool:
        """Likewise."""


def set_training_numerics(device: torch.device, settings: TrainingNumerics) -> Numerics:
    """`set_numerics` for a training, which repeats few shapes.

    Example:
        >>> from dgnet.config.training import RunConfig
        >>> set_training_numerics(torch.device("cpu"), RunConfig()).channels_last
        True
    """
    return set_numerics(
        device,
        settings.precision,
        fixed_shapes=True,
        deterministic=settings.deterministic,
        channels_last=settings.channels_last,
    )


def open_device(name: str = "auto", precision: PrecisionName = "fp32") -> torch.device:
    """`choose_device`, with the numerics of work that trains nothing: features, images, figures.

    Example:
        >>> open_device("cpu")
        device(type='cpu')
    """
    device = choose_device(name)
    set_numerics(device, precision)
    return device


@contextmanager
def float32_arithmetic() -> Iterator[None]:
    """TF32 is off inside the block: a test while training in another precision gives the figures of one afterwards."""
    before = torch.backends.cudnn.allow_tf32
    _set_tf32(False)
    try:
        yield
    finally:
        _set_tf32(before)


def _set_tf32(on: bool) -> None:
    torch.set_float32_matmul_precision("high" if on else "highest")
    torch.backends.cudnn.allow_tf32 = on
