"""What is computed from weights alone, computed once while the weights stay."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

from torch import Tensor

# The weight is kept beside the result: while it lives, no other can have its address.
_known: list[dict[Hashable, tuple[Tensor, Tensor]]] = []


@contextmanager
def constant_weights() -> Iterator[None]:
    """Inside, no weight changes, and `from_weight` remembers its results."""
    _known.append({})
    try:
        yield
    finally:
        _known.pop()


def from_weight(weight: Tensor, compute: Callable[..., Tensor], *rest: Hashable) -> Tensor:
    """`compute(weight, *rest)`, without a graph; not to be changed in place."""
    weight = weight.detach()
    if not _known:
        return compute(weight, *rest)
    key = weight.data_ptr(), weight.dtype, compute, rest
    if key not in _known[-1]:
        _known[-1][key] = weight, compute(weight, *rest)
    return _known[-1][key][1]
