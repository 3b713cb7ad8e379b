"""Frozen passes: forward passes of a module without a gradient for its parameters and without a change of its buffers.

Only the buffers are copied. With `requires_grad` switched off instead, batch-norm statistics would still change.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def frozen(module: nn.Module) -> Callable[..., Any]:
    """`module` as a function of its inputs alone: detached parameters, cloned buffers; gradient for the inputs only."""
    state = {name: parameter.detach() for name, parameter in module.named_parameters()}
    state |= {name: buffer.clone() for name, buffer in module.named_buffers()}
    return lambda *inputs: torch.func.functional_call(module, state, inputs)


@contextmanager
def evaluating(module: nn.Module, batch_statistics: bool = False) -> Iterator[None]:
    """Evaluation mode inside the block (batch norm in training mode if `batch_statistics`), then the former modes."""
    modes = [(child, child.training) for child in module.modules()]
    for child, _ in modes:
        child.training = batch_statistics and isinstance(child, _BatchNorm)
    try:
        yield
    finally:
        for child, training in modes:
            child.training = training
