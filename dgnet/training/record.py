"""What one iteration of the joint training measured."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from dgnet.training.schedule import LossWeights

Terms = dict[str, Tensor]


@dataclass(frozen=True)
class StepRecord:
    """The terms of one iteration, unweighted, each `[2]` (of a, of b), and the weights of the generator's terms.

    A term of weight 0 is left out where that saves computation. The two identity terms of the anchors come together,
    and so do `soft_label` and `fine_grained`.
    """

    discriminator: Terms
    generator: Terms
    weights: LossWeights

    @property
    def total(self) -> Tensor:
        """The weighted sum that the generator and the appearance encoder minimize."""
        weights = asdict(self.weights)
        return torch.stack([weights[name] * values.sum() for name, values in self.generator.items()]).sum()


def detached(terms: Terms) -> Terms:
    """The values without their graphs."""
    return {name: values.detach() for name, values in terms.items()}


def mean_terms(parts: Sequence[Terms]) -> Terms:
    """The mean over the parts of a batch; empty for no parts."""
    return {name: torch.stack([part[name] for part in parts]).mean(0) for part in parts[:1] for name in part}
