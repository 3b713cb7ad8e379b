"""A place where the graph of a step is cut, so that each loss can go backward by itself."""

from collections.abc import Sequence

from torch import Tensor


class Cut:
    """A tensor at which gradients gather: downstream uses `leaf`, `finish()` sends their sum upstream."""

    def __init__(self, origin: Tensor) -> None:
        self.origin = origin
        self.leaf = origin.detach().requires_grad_()

    def finish(self, inputs: Sequence[Tensor] | None = None, retain_graph: bool = False) -> None:
        """Upstream to all that took part, or to `inputs` alone."""
        if self.origin.requires_grad and self.leaf.grad is not None:
            self.origin.backward(self.leaf.grad, retain_graph=retain_graph, inputs=inputs)
