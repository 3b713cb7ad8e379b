"""A joint batch is two halves, a and b. Losses report one value per half; the total adds the halves."""

from jaxtyping import Float
from torch import Tensor


def mean_per_half(values: Float[Tensor, "batch ..."]) -> Float[Tensor, "2"]:
    """Mean over all entries of the first and of the second half of the batch."""
    return values.unflatten(0, (2, -1)).flatten(1).mean(1)
