"""Paired comparison of two rankings of the same queries: difference in mAP and its bootstrap interval."""

from dataclasses import dataclass

import numpy as np

from dgnet.core.errors import UserError

_DRAWS_AT_A_TIME = 100


@dataclass(frozen=True)
class QueryDifference:
    """mAP of the first ranking minus that of the second, 0..1, and the interval `low`..`high` that holds a share
    `confidence` of the differences of people drawn anew."""

    mean: float
    low: float
    high: float
    confidence: float
    identities: int
    draws: int
    seed: int

    def __str__(self) -> str:
        """Such as "95 % interval -0.31 to 2.09 (bootstrap of 50 identities, 10,000 draws from seed 0)", in points."""
        return (
            f"{100 * self.confidence:g} % interval {100 * self.low:.2f} to {100 * self.high:.2f} (bootstrap of "
            f"{self.identities:,} identities, {self.draws:,} draws from seed {self.seed})"
        )


def query_difference(
    first: np.ndarray,
    second: np.ndarray,
    identities: np.ndarray,
    *,
    confidence: float = 0.95,
    draws: int = 10_000,
    seed: int = 0,
) -> QueryDifference:
    """The interval from average precisions `[query]` of the same queries by two rankings, and the queries' identities.

    Where a query has no match, both are NaN.

    As many identities as there are are drawn with replacement, each with all of its queries, for the queries of one
    person are not independent of each other; the interval lies between the quantiles of the differences of the draws
    (percentile bootstrap, Efron and Tibshirani 1993). It covers the choice of people, not that of gallery
    images, trainings or draws of structures.

    Raises:
        UserError: other numbers of queries, a NaN on one side alone, or fewer than two identities with a match.

    Example:
        >>> import numpy as np
        >>> query_difference(np.array([0.5, 0.75]), np.array([0.25, 0.5]), np.array([1, 2])).mean
        0.25
    """
    if not len(first) == len(second) == len(identities):
        raise UserError(f"each query needs one value each, got {len(first)}, {len(second)} and {len(identities)}")
    if not 0 < confidence < 1 or draws < 1:
        raise UserError(f"the confidence must lie between 0 and 1, draws be at least 1, got {confidence} and {draws}")
    matched = ~np.isnan(first)
    if (matched != ~np.isnan(second)).any():
        raise UserError("first and second must lack the match of the same queries")
    people, person = np.unique(identities[matched], return_inverse=True)
    if len(people) < 2:
        raise UserError(f"an interval needs queries of at least 2 identities with a match, got {len(people)}")
    counts = np.bincount(person)
    sums = np.bincount(person, (first - second)[matched])
    random = np.random.Generator(np.random.Philox(key=seed))
    values = []
    for start in range(0, draws, _DRAWS_AT_A_TIME):
        drawn = random.integers(len(people), size=(min(_DRAWS_AT_A_TIME, draws - start), len(people)))
        values.append(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    low, high = np.quantile(np.concatenate(values), [(1 - confidence) / 2, (1 + confidence) / 2])
    mean = float(sums.sum() / counts.sum())
    return QueryDifference(mean, float(low), float(high), confidence, len(people), draws, seed)
