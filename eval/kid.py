"""The kernel inception distance: a comparison of two sets that is not biased by their size.

Binkowski et al., "Demystifying MMD GANs", 2018: the squared maximum mean discrepancy for the kernel
(x'y / features + 1)^3.
"""

import numpy as np

from eval.arrays import Array, as_numpy, checked_features
from eval.errors import EvaluationError

_BLOCK_ELEMENTS = 2**22  # of the kernel matrix at a time: 32 MiB in float64, and a few times that while it is made


def kernel_distance(first: Array, second: Array) -> float:
    """The unbiased estimate from features `[image, feature]` of two sets; about 0 for one distribution, also below.

    The mean over **all** pairs of images. The customary mean over random subsets of 1,000 estimates the same number
    with a scatter of its own; here nothing is drawn, so neither a seed nor the order of the images matters.
    `EvaluationError` for NaN, features of two lengths, and fewer than two images.
    """
    sets = []
    for name, features in (("first", first), ("second", second)):
        matrix = as_numpy(checked_features(name, features)).astype(np.float64)
        if len(matrix) < 2:
            raise EvaluationError(f"the kernel distance needs at least two images in each set, got {len(matrix)}")
        sets.append(matrix)
    one, two = sets
    if one.shape[1] != two.shape[1]:
        raise EvaluationError(f"both sets must have features of one length, got {one.shape[1]} and {two.shape[1]}")
    within = [(_kernel_sum(x, x) - _kernel(x, x).sum()) / (len(x) * (len(x) - 1)) for x in sets]
    return float(within[0] + within[1] - 2 * _kernel_sum(one, two) / (len(one) * len(two)))


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The kernel of each row of `x` with the same row of `y`."""
    return ((x * y).sum(axis=1) / x.shape[1] + 1) ** 3


def _kernel_sum(x: np.ndarray, y: np.ndarray) -> float:
    """The sum of the kernel over all pairs, a block of rows at a time."""
    block = max(_BLOCK_ELEMENTS // len(y), 1)
    starts = range(0, len(x), block)
    return sum(float(((x[start : start + block] @ y.T / x.shape[1] + 1) ** 3).sum()) for start in starts)
