"""A place where the graph of a step is cut, so that each loss term can go backward by itself."""

from torch import Tensor


class Cut:
    """A tensor at which gradients are summed.

    The loss terms use `leaf`, a leaf of their graphs with the value of `source`; `backward_upstream` sends the sum of
    their gradients on into the graph that computed `source`.

    Example:
        >>> import torch
        >>> weight = torch.ones(2, requires_grad=True)
        >>> code = Cut(3 * weight)
        >>> code.leaf.sum().backward()  # one term, down to the cut
        >>> code.leaf.square().sum().backward()  # another one
        >>> code.backward_upstream()
        >>> weight.grad
        tensor([21., 21.])
    """

    def __init__(self, source: Tensor) -> None:
        self.source = source
        self.leaf = source.detach().requires_grad_()

    def backward_upstream(self) -> None:
        """Send the sum of the gradients into the graph of `source`."""
        if self.source.requires_grad and self.leaf.grad is not None:
            self.source.backward(self.leaf.grad)
