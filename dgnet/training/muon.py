"""Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon): momentum steps whose singular values are about 1.

torch has it from 2.9 on, for matrices alone; here convolutions are matrices too [out, in x height x width], stacks of
matrices are stepped each by itself.
"""

from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float
from torch import Tensor

# The quintic a x + b x^3 + c x^5 of the authors: five iterations bring singular values from 0.01 .. 1 near 1.
_QUINTIC = 3.4445, -4.7750, 2.0315
_ITERATIONS = 5


def orthogonalized(
    matrices: Float[Tensor, "*stack row column"], dtype: torch.dtype | None = None
) -> Float[Tensor, "*stack row column"]:
    """Each matrix U S V^T with its singular values S brought to about 1 (0.7 .. 1.2), by Newton-Schulz iterations.

    Args:
        dtype: to iterate in (default: that of the matrices).
    """
    a, b, c = _QUINTIC
    tall = matrices.shape[-2] > matrices.shape[-1]
    wide = matrices.mT if tall else matrices
    wide = (wide / (wide.norm(dim=(-2, -1), keepdim=True) + 1e-7)).to(dtype or matrices.dtype)
    for _ in range(_ITERATIONS):
        square = wide @ wide.mT
        wide = a * wide + (b * square + c * square @ square) @ wide
    return (wide.mT if tall else wide).to(matrices.dtype)


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalized; a matrix with more rows than columns steps further by the root of the ratio.

    Args:
        parameters: of two dimensions or more; one of three is a stack of matrices.
        rate: about the spectral norm of a step, so unlike Adam's it does not depend on the size of gradients.
        dtype: of the iterations that orthogonalize a step (default: that of the parameters). The authors take bfloat16.
    """

    def __init__(
        self, parameters: Iterable[Tensor], rate: float, momentum: float = 0.95, dtype: torch.dtype | None = None
    ) -> None:
        super().__init__(parameters, {"lr": rate, "momentum": momentum})
        self.dtype = dtype

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Move every parameter that has a gradient. No closure: gradients are there."""
        assert closure is None
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["momentum"] = torch.zeros_like(parameter)
                mean = state["momentum"].lerp_(parameter.grad, 1 - group["momentum"])
                update = parameter.grad.lerp(mean, group["momentum"])
                matrices = update.flatten(1) if update.ndim == 4 else update
                rate = group["lr"] * max(1.0, matrices.shape[-2] / matrices.shape[-1]) ** 0.5
                parameter.add_(orthogonalized(matrices, self.dtype).view_as(parameter), alpha=-rate)
