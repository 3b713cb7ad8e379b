"""The backward pass of single loss terms."""

from collections.abc import Iterable

import torch
from torch import Tensor

from dgnet.core.device import Precision
from dgnet.training.record import Terms, detached
from dgnet.training.schedule import LossWeights


class BackwardTerms:
    """Weighted backward passes of loss terms, each `[2]` (a, b), down to the cuts; keeps the values of all terms.

    Args:
        batch_fraction: of the whole batch; below 1 where gradients are accumulated over its parts.
    """

    def __init__(self, weights: LossWeights, precision: Precision, batch_fraction: float) -> None:
        self.weights, self.precision, self.batch_fraction = weights, precision, batch_fraction
        self.values: Terms = {}

    def __call__(self, retain_graph: bool = False, inputs: Iterable[Tensor] | None = None, /, **losses: Tensor) -> None:
        """One pass for terms that share a graph; arguments as those of `torch.autograd.backward`."""
        self.values.update(detached(losses))
        total = torch.stack([getattr(self.weights, name) * values.sum() for name, values in losses.items()]).sum()
        # Where codes are detached, `appearance_code` has a value but no gradient.
        if total.requires_grad:
            self.precision.backward(self.batch_fraction * total, retain_graph, inputs)
