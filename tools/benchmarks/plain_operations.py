"""Every trick for speed of the joint step, each with a context that puts the plain torch operation in its place.

The production code has no switches for this: functions and methods are replaced from here, for the time of a block.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dgnet.config import Config
from dgnet.core.device import Precision
from dgnet.layers import conv2d, convolution
from dgnet.layers.compiled import compile_small_functions
from dgnet.training import swapped_image_terms, teacher_ensemble
from dgnet.training.cut import Cut
from dgnet.training.joint import JointTraining

Plain = Callable[[JointTraining], AbstractContextManager[None]]


@dataclass(frozen=True)
class Trick:
    """A trick for speed or memory and the plain operation that does the same.

    Attributes:
        plain: the context in which the plain operation takes its place; None where a trick belongs to a process as a
            whole and each side is measured in one of its own.
        used: whether a configuration, computed in a precision ("fp32", "bf16") on a device ("cpu", "cuda"), uses it.
    """

    name: str
    meaning: str
    plain: Plain | None
    used: Callable[[Config, str, str], bool] = lambda config, precision, device: True


@contextmanager
def replaced(owner: Any, **values: Any) -> Iterator[None]:
    """Attributes of a module, class or object, which must be there, have other values inside the block."""
    own = {name: vars(owner)[name] for name in values if name in vars(owner)}
    for name, value in values.items():
        getattr(owner, name)
        setattr(owner, name, value)
    try:
        yield
    finally:
        for name in values:
            if name in own:
                setattr(owner, name, own[name])
            else:
                delattr(owner, name)


def plain_instance_norm(x: Tensor, negative_slope: float = 1.0) -> Tensor:
    """As `dgnet.layers.norm.instance_norm`."""
    with torch.autocast(x.device.type, enabled=False):
        return F.leaky_relu(F.instance_norm(x.float()), negative_slope).to(x.dtype)


def plain_adaptive_instance_norm(x: Tensor, gain: Tensor, bias: Tensor, negative_slope: float = 1.0) -> Tensor:
    """As `dgnet.layers.norm.adaptive_instance_norm`."""
    with torch.autocast(x.device.type, enabled=False):
        y = F.instance_norm(x.float()) * gain[:, :, None, None] + bias[:, :, None, None]
        return F.leaky_relu(y, negative_slope).to(x.dtype)


def plain_sample_norm(x: Tensor, gain: Tensor, bias: Tensor, negative_slope: float = 1.0) -> Tensor:
    """As `dgnet.layers.norm.sample_norm`."""
    with torch.autocast(x.device.type, enabled=False):
        wide = x.float()
        mean, deviation = (f(dim=(1, 2, 3), keepdim=True) for f in (wide.mean, wide.std))
        y = (wide - mean) / (deviation + 1e-5) * gain[:, None, None] + bias[:, None, None]
        return F.leaky_relu(y, negative_slope).to(x.dtype)


def plain_upsampled_convolution(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """As `dgnet.layers.upsample.upsampled_convolution`."""
    larger = convolution.pad(F.interpolate(x, scale_factor=2.0, mode="nearest"), 2, "reflect")
    return conv2d.conv2d(larger, weight, bias)


@contextmanager
def plain_functions(training: JointTraining) -> Iterator[None]:
    """`run.compile` off."""
    device = next(training.generator.parameters()).device
    compile_small_functions(False, device)
    try:
        yield
    finally:
        compile_small_functions(True, device)


def pad_in_autocast(x: Tensor, size: int, mode: str) -> Tensor:
    """As `dgnet.layers.padding.pad`."""
    return x if size == 0 else F.pad(x, (size, size, size, size), mode=mode)


@contextmanager
def one_backward_pass(training: JointTraining) -> Iterator[None]:
    """The graphs of all terms of the generator's phase are kept until the last one is there."""
    precision, pending = training.precision[1], []
    upstream = Cut.backward_upstream

    def keep(*arguments: Any) -> None:
        pending.append(arguments)

    def all_upstream(self: Cut) -> None:
        while pending:
            Precision.backward(precision, *pending.pop(0))
        upstream(self)

    with replaced(precision, backward=keep), replaced(Cut, backward_upstream=all_upstream):
        yield


def copied(module: nn.Module) -> nn.Module:
    """As `dgnet.models.frozen.frozen`."""
    return copy.deepcopy(module).requires_grad_(False)


@contextmanager
def copied_networks(training: JointTraining) -> Iterator[None]:
    """A frozen pass goes through a copy of the network."""
    with replaced(swapped_image_terms, frozen=copied), replaced(teacher_ensemble, frozen=copied):
        yield


@contextmanager
def contiguous_layout(training: JointTraining) -> Iterator[None]:
    """`run.channels_last` off."""
    networks = (training.generator, training.discriminator)
    for network in networks:
        network.to(memory_format=torch.contiguous_format)
    try:
        yield
    finally:
        for network in networks:
            network.to(memory_format=torch.channels_last)


def on_cpu(config: Config, precision: str, device: str) -> bool:
    return device == "cpu"


def compiled(config: Config, precision: str, device: str) -> bool:
    return config.run.compile


def replacing(owner: Any, **values: Any) -> Plain:
    """Attributes of one owner replaced."""
    return lambda training: replaced(owner, **values)


TRICKS = (
    Trick(
        "winograd",
        "3x3 convolutions by Winograd's sums",
        replacing(conv2d, _suits_winograd=lambda *_: False),
        lambda config, precision, device: config.run.compile and precision == "fp32" and device == "cpu",
    ),
    Trick(
        "few_pixels",
        "layers of many channels and few pixels as matrix products",
        replacing(conv2d, _has_few_pixels=lambda *_: False),
        on_cpu,
    ),
    Trick(
        "double_backward",
        "second derivative of a convolution as a weight gradient",
        replacing(conv2d, _may_be_penalized=lambda *_: False),
        on_cpu,
    ),
    Trick(
        "upsample",
        "5x5 convolution of an upsampled image at the low resolution",
        replacing(convolution, upsampled_convolution=plain_upsampled_convolution),
    ),
    Trick(
        "norms",
        "closed-form gradients of the norms",
        replacing(
            convolution,
            instance_norm=plain_instance_norm,
            adaptive_instance_norm=plain_adaptive_instance_norm,
            sample_norm=plain_sample_norm,
        ),
    ),
    Trick("compiled", "norms and Winograd's sums compiled", plain_functions, compiled),
    Trick(
        "padding",
        "padding outside autocast",
        replacing(convolution, pad=pad_in_autocast),
        lambda config, precision, device: precision != "fp32" and device == "cpu",
    ),
    Trick("channels_last", "channels_last memory format", contiguous_layout),
    Trick("term_by_term", "a backward pass for each term", one_backward_pass),
    Trick("frozen", "frozen passes without a copy of the network", copied_networks),
    Trick("keep_freed_memory", "freed memory is kept by the process", None, on_cpu),
)
