"""Precision and recall of a generated set: how much of it is real-looking, how much of the real it covers.

Kynkaanniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models", 2019.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from dgnet.core.errors import UserError
from eval.arrays import Array, checked_features

NEIGHBORS = 3
_STEP = 2.0**-26
_BLOCK_ELEMENTS = 2**23


@dataclass(frozen=True)
class PrecisionRecall:
    """Shares 0..1."""

    precision: float  # generated images that lie within the real set
    recall: float  # real images that lie within the generated set
    neighbors: int


def precision_recall(real: Array, generated: Array, *, neighbors: int = NEIGHBORS) -> PrecisionRecall:
    """Precision and recall of features `[image, feature]`.

    A point lies within a set if it is in any of the set's balls: each is centered on a point of the set and reaches to
    the `neighbors`-th nearest neighbor that this point has in the set. Features are divided by twice the largest norm
    and rounded to multiples of 2^-26 of that, so that float64 holds every distance exactly: equal points are at
    distance 0 and no figure depends on how the work is cut.

    `UserError` for NaN, features of two lengths, and fewer than `neighbors` + 1 images in a set.
    """
    if neighbors < 1:
        raise UserError(f"neighbors must be at least 1, got {neighbors}")
    sets = [checked_features("real", real).double().cpu(), checked_features("generated", generated).double().cpu()]
    if sets[0].shape[1] != sets[1].shape[1]:
        lengths = " and ".join(str(features.shape[1]) for features in sets)
        raise UserError(f"both sets must have features of one length, got {lengths}")
    for name, features in zip(("real", "generated"), sets, strict=True):
        if len(features) <= neighbors:
            raise UserError(
                f"precision and recall need more than {neighbors} images in each set, "
                f"the {name} one has {len(features)}"
            )
    largest = max(float(torch.linalg.vector_norm(features, dim=1).max()) for features in sets)
    if largest > 0:
        sets = [(features / (2 * largest * _STEP)).round_().mul_(_STEP) for features in sets]
    truth, fake = sets
    return PrecisionRecall(
        precision=_share_within(fake, truth, neighbors), recall=_share_within(truth, fake, neighbors),
        neighbors=neighbors,
    )  # fmt: skip


def _share_within(points: Tensor, of: Tensor, neighbors: int) -> float:
    """The share of `points` inside a ball around any point of the set `of`."""
    # The nearest is the point itself, at distance 0: the k-th neighbor is the (k + 1)-th smallest distance.
    radii = torch.cat([rows.kthvalue(neighbors + 1, dim=1).values for rows in _distance_blocks(of, of)])
    inside = [(rows <= radii).any(dim=1) for rows in _distance_blocks(points, of)]
    return float(torch.cat(inside).double().mean())


def _distance_blocks(rows: Tensor, columns: Tensor) -> Iterator[Tensor]:
    """Squared distances of all rows to all columns, a block of rows at a time."""
    norms, block = columns.square().sum(dim=1), max(_BLOCK_ELEMENTS // len(columns), 1)
    for start in range(0, len(rows), block):
        part = rows[start : start + block]
        yield part.square().sum(dim=1, keepdim=True) + norms - 2 * (part @ columns.T)
