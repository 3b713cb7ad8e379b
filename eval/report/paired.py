"""Paired comparison of two trainings with the same seeds: mean difference and confidence interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from dgnet.core.errors import UserError

NO_DIFFERENCE = "no difference found"


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation (with n - 1) of a metric over the seeds of one training."""

    mean: float
    deviation: float
    seeds: int


@dataclass(frozen=True)
class PairedDifference:
    """Of metrics `first - second`, seed by seed: their mean, and the interval `low`..`high` that holds the true mean
    difference with probability `confidence` if the differences are normal (Student 1908)."""

    mean: float
    low: float
    high: float
    confidence: float
    seeds: int

    @property
    def significant(self) -> bool:
        """Whether the interval excludes 0: chance alone is unlikely to explain the difference."""
        return not self.low <= 0 <= self.high

    @property
    def verdict(self) -> str:
        """ "higher", "lower", or "no difference found" """
        if not self.significant:
            return NO_DIFFERENCE
        return "higher" if self.mean > 0 else "lower"


def spread(metrics: Sequence[float]) -> Spread:
    """Mean and standard deviation. `UserError` for fewer than two metrics, or one that is not finite."""
    values = _checked("metrics", metrics)
    return Spread(float(values.mean()), float(values.std(ddof=1)), len(values))


def paired_difference(first: Sequence[float], second: Sequence[float], confidence: float = 0.95) -> PairedDifference:
    """A metric of two trainings with the same seeds: `mean(d) -+ t * std(d) / sqrt(n)`, d = first - second.

    t is the quantile of Student's distribution with n - 1 degrees of freedom that leaves (1 - confidence) / 2 above it.
    Pairing removes the effect of the seed, which both share. Equal differences have an interval of width 0.

    Raises:
        UserError: fewer than two pairs, other numbers of them, a metric that is not finite, or a confidence that
            does not lie between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise UserError(f"the confidence must lie between 0 and 1, got {confidence}")
    one, other = _checked("first", first), _checked("second", second)
    if len(one) != len(other):
        raise UserError(f"pairs need as many values of both trainings, got {len(one)} and {len(other)}")
    differences = one - other
    mean, seeds = float(differences.mean()), len(differences)
    error = float(differences.std(ddof=1)) / math.sqrt(seeds)
    half = float(stdtrit(seeds - 1, (1 + confidence) / 2)) * error
    return PairedDifference(mean, mean - half, mean + half, confidence, seeds)


def _checked(name: str, metrics: Sequence[float]) -> np.ndarray:
    values = np.asarray(metrics, dtype=np.float64)
    if values.ndim != 1 or len(values) < 2:
        raise UserError(f"{name} must hold a metric for each of at least 2 seeds, got the shape {values.shape}")
    if not np.isfinite(values).all():
        raise UserError(f"{name} must be finite, got {values.tolist()}")
    return values
