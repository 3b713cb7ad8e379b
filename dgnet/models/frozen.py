"""Frozen passes: forward passes of a module without a gradient for its parameters and without a change of its buffers.

With `requires_grad` switched off instead, batch-norm statistics would still change.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def frozen(module: nn.Module) -> Callable[..., Any]:
    """`module` as a function of its inputs alone: detached parameters; gradient for the inputs only.

    Buffers are copied only where the pass would change them: in batch norms that keep running statistics.
    """
    state = {name: parameter.detach() for name, parameter in module.named_parameters()}
    for path, child in module.named_modules():
        if isinstance(child, _BatchNorm) and child.training and child.track_running_stats:
            prefix = f"{path}." if path else ""
            state |= {prefix + name: buffer.clone() for name, buffer in child.named_buffers(recurse=False)}
    return lambda *inputs: torch.func.functional_call(module, state, inputs)


@contextmanager
def evaluating(module: nn.Module, batch_statistics: bool = False) -> Iterator[None]:
    """Evaluation mode inside the block, then the former modes.

    With `batch_statistics` batch norms normalize by the batch at hand, and leave their running statistics alone.
    """
    modes = [(child, child.training) for child in module.modules()]
    norms = [child for child, _ in modes if batch_statistics and isinstance(child, _BatchNorm)]
    tracked = [child.track_running_stats for child in norms]
    for child, _ in modes:
        child.training = False
    for norm in norms:
        norm.training, norm.track_running_stats = True, False
    try:
        yield
    finally:
        for child, training in modes:
            child.training = training
        for norm, tracks in zip(norms, tracked, strict=True):
            norm.track_running_stats = tracks
