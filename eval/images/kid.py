"""The kernel inception distance: a comparison of two sets that is not biased by their size.

Binkowski et al., "Demystifying MMD GANs", 2018: the squared maximum mean discrepancy for the kernel
(x'y / features + 1)^3.
"""

import math
from collections.abc import Iterator

import numpy as np

from dgnet.core.errors import UserError
from eval.arrays import Array, as_numpy, checked_features

_ROWS = 2048  # of each set at a time: 32 MiB of the kernel matrix in float64, and a few times that while it is made


def kernel_distance(first: Array, second: Array) -> float:
    """The unbiased estimate from features `[image, feature]` of two sets; about 0 for one distribution, also below.

    The mean over **all** pairs of images. The customary mean over random subsets of 1,000 estimates the same number
    with a scatter of its own; here nothing is drawn, so neither a seed nor the order of the images matters.
    `UserError` for NaN, features of two lengths, and fewer than two images.
    """
    sets = []
    for name, features in (("first", first), ("second", second)):
        matrix = as_numpy(checked_features(name, features))
        if len(matrix) < 2:
            raise UserError(f"the kernel distance needs at least two images in each set, got {len(matrix)}")
        sets.append(matrix)
    one, two = sets
    if one.shape[1] != two.shape[1]:
        raise UserError(f"both sets must have features of one length, got {one.shape[1]} and {two.shape[1]}")
    with np.errstate(over="ignore", invalid="ignore"):
        within = [(_kernel_sum(x, x) - _kernel_sum_with_itself(x)) / (len(x) * (len(x) - 1)) for x in sets]
        distance = float(within[0] + within[1] - 2 * _kernel_sum(one, two) / (len(one) * len(two)))
    if not math.isfinite(distance):
        raise UserError("the kernel distance is beyond float64: features of the sets are too large")
    return distance


def _kernel_sum(x: np.ndarray, y: np.ndarray) -> float:
    """The sum of the kernel over all pairs, in float64, a block of rows of both at a time: no copy of a whole set."""
    total = 0.0
    for one in _blocks(x):
        for two in _blocks(y):
            total += float(((one @ two.T / x.shape[1] + 1) ** 3).sum())
    return total


def _kernel_sum_with_itself(x: np.ndarray) -> float:
    """The sum of the kernel of each row with itself."""
    return sum(float((((rows * rows).sum(axis=1) / x.shape[1] + 1) ** 3).sum()) for rows in _blocks(x))


def _blocks(x: np.ndarray) -> Iterator[np.ndarray]:
    return (x[start : start + _ROWS].astype(np.float64) for start in range(0, len(x), _ROWS))
