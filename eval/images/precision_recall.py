"""Precision, recall, density and coverage of a generated set: how real it looks, how much of the real it covers.

Kynkaanniemi et al., "Improved Precision and Recall Metric for Assessing Generative Models", 2019; Naeem et al.,
"Reliable Fidelity and Diversity Metrics for Generative Models", ICML 2020.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from dgnet.core.errors import UserError, check_count
from eval.arrays import Array, checked_features

NEIGHBORS = 3
DENSITY_NEIGHBORS = 5
_STEP = 2.0**-26
_BLOCK_ELEMENTS = 2**23


@dataclass(frozen=True)
class PrecisionRecall:
    """Shares 0..1."""

    precision: float  # generated images that lie within the real set
    recall: float  # real images that lie within the generated set
    neighbors: int


@dataclass(frozen=True)
class DensityCoverage:
    """`density` is at least 0 and about 1 where both sets are of one distribution; `coverage` is a share 0..1."""

    density: float  # real balls around a generated image, divided by the number that one distribution has on average
    coverage: float  # real images whose ball holds a generated image
    neighbors: int


def precision_recall(real: Array, generated: Array, *, neighbors: int = NEIGHBORS) -> PrecisionRecall:
    """Precision and recall of features `[image, feature]`.

    A point lies within a set if it is in any of the set's balls: each is centered on a point of the set and reaches to
    the `neighbors`-th nearest neighbor that this point has in the set. Features are divided by twice the largest norm
    and rounded to multiples of 2^-26 of that, so that float64 holds every distance exactly: equal points are at
    distance 0 and no figure depends on how the work is cut.

    `UserError` for NaN, features of two lengths, and fewer than `neighbors` + 1 images in a set.
    """
    truth, fake = _comparable(real, generated)
    for name, features in (("real", truth), ("generated", fake)):
        _check_number("precision and recall", name, len(features), neighbors)
    return PrecisionRecall(
        precision=_share_within(fake, truth, neighbors), recall=_share_within(truth, fake, neighbors),
        neighbors=neighbors,
    )  # fmt: skip


def density_coverage(real: Array, generated: Array, *, neighbors: int = DENSITY_NEIGHBORS) -> DensityCoverage:
    """Density and coverage (Naeem et al.) of features `[image, feature]`.

    Around each real image lies the ball that reaches to its `neighbors`-th nearest real neighbor. Density is the mean
    number of balls that a generated image lies in, divided by `neighbors`; coverage the share of balls that hold any
    generated image. Unlike precision and recall, one outlier among the real images changes neither by much, and no ball
    depends on the generated images. Of two large sets of one distribution and equal size, coverage is about
    1 - 2^-neighbors. Points on the surface are inside. The arithmetic is that of `precision_recall`.

    `UserError` for NaN, features of two lengths, and fewer than `neighbors` + 1 real images.
    """
    truth, fake = _comparable(real, generated)
    _check_number("density and coverage", "real", len(truth), neighbors)
    radii = _radii(truth, neighbors)
    balls, covered = 0, torch.zeros(len(truth), dtype=torch.bool)
    for rows in _distance_blocks(fake, truth):
        inside = rows <= radii
        balls += int(inside.sum())
        covered |= inside.any(dim=0)
    return DensityCoverage(balls / (neighbors * len(fake)), float(covered.double().mean()), neighbors)


def _comparable(real: Array, generated: Array) -> tuple[Tensor, Tensor]:
    """Both sets in float64, divided by twice the largest norm and rounded to multiples of `_STEP`."""
    sets = [checked_features("real", real).double().cpu(), checked_features("generated", generated).double().cpu()]
    if sets[0].shape[1] != sets[1].shape[1]:
        lengths = " and ".join(str(features.shape[1]) for features in sets)
        raise UserError(f"both sets must have features of one length, got {lengths}")
    largest = max(float(torch.linalg.vector_norm(features, dim=1).max()) for features in sets)
    if not math.isfinite(largest):
        raise UserError("features must have lengths that float64 can square (below 1e154), one is longer")
    if largest > 0:
        sets = [(features / (2 * largest * _STEP)).round_().mul_(_STEP) for features in sets]
    return sets[0], sets[1]


def check_numbers(real: int, generated: int) -> None:
    """`UserError` where sets of so many images are too small for these measures: known before any feature is."""
    for name, images in (("real", real), ("generated", generated)):
        _check_number("precision and recall", name, images, NEIGHBORS)
    _check_number("density and coverage", "real", real, DENSITY_NEIGHBORS)


def _check_number(measures: str, name: str, images: int, neighbors: int) -> None:
    check_count("neighbors", neighbors)
    if images <= neighbors:
        raise UserError(f"{measures} need more than {neighbors} images, the {name} set has {images}")


def _radii(points: Tensor, neighbors: int) -> Tensor:
    """The squared distance of each point to its `neighbors`-th nearest other point."""
    # The nearest is the point itself, at distance 0: the k-th neighbor is the (k + 1)-th smallest distance.
    return torch.cat([rows.kthvalue(neighbors + 1, dim=1).values for rows in _distance_blocks(points, points)])


def _share_within(points: Tensor, of: Tensor, neighbors: int) -> float:
    """The share of `points` inside a ball around any point of the set `of`."""
    radii = _radii(of, neighbors)
    inside = [(rows <= radii).any(dim=1) for rows in _distance_blocks(points, of)]
    return float(torch.cat(inside).double().mean())


def _distance_blocks(rows: Tensor, columns: Tensor) -> Iterator[Tensor]:
    """Squared distances of all rows to all columns, a block of rows at a time."""
    norms, block = columns.square().sum(dim=1), max(_BLOCK_ELEMENTS // len(columns), 1)
    for start in range(0, len(rows), block):
        part = rows[start : start + block]
        yield part.square().sum(dim=1, keepdim=True) + norms - 2 * (part @ columns.T)
