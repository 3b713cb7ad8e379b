"""Distances whose order never depends on how they were computed.

A matrix product of floats is rounded differently for another chunk size, thread count or device, and then equal images
swap places. Here unit features are rounded to multiples of 2^-26: every product is a multiple of 2^-52 and every
partial sum stays under 2, so float64 holds each of them **exactly** and the order of summation cannot matter. The
rounding moves a cosine by about 1e-8, less than a float32 product does.
"""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from eval.arrays import Array, checked_features
from eval.errors import EvaluationError

_FEATURE_STEP = 2.0**-26
# Distances are told apart at 2^-40 of the largest possible one; what is closer is a tie: the gallery's order decides.
_ORDER_STEPS = 2.0**40
# 2^40 steps x 2^22 gallery images still fit an int64 key.
_LARGEST_GALLERY = 2**22
# Elements of one block of the distance matrix: 128 MiB in float64, and a few times that while it is worked on.
_BLOCK_ELEMENTS = 2**24


def unit_features(name: str, features: Array) -> Float[Tensor, "image feature"]:
    """Features `[image, feature]` L2-normalised, float64, in multiples of 2^-26 (see above), on their own device.

    A row of zeros stays zero: it is equally far from everything. `EvaluationError` for NaN, infinity or no rows.
    """
    unit = checked_features(name, features).to(torch.float64)
    unit = unit / torch.linalg.vector_norm(unit, dim=1, keepdim=True).clamp_min(torch.finfo(torch.float64).tiny)
    return unit.div_(_FEATURE_STEP).round_().mul_(_FEATURE_STEP)


def check_columns(query: Tensor, gallery: Tensor) -> None:
    """`EvaluationError` unless features of both sides have the same length."""
    if query.shape[1] != gallery.shape[1]:
        raise EvaluationError(
            f"query and gallery features must have as many columns, got {query.shape[1]} and {gallery.shape[1]}"
        )


def squared_distances(
    rows: Float[Tensor, "query feature"], columns: Float[Tensor, "gallery feature"]
) -> Float[Tensor, "query gallery"]:
    """Squared Euclidean distances 0..4 of `unit_features`, 2 - 2 cosine: exact, and in the order of the distance."""
    return (rows @ columns.T).mul_(-2).add_(2)


def row_blocks(rows: int, columns: int, block: int | None = None) -> Iterator[slice]:
    """Slices that cover `rows` so that one block of `rows x columns` float64 numbers stays about 128 MiB."""
    if block is None:
        block = _BLOCK_ELEMENTS // max(columns, 1)
    block = max(block, 1)
    for start in range(0, rows, block):
        yield slice(start, min(start + block, rows))


def order_keys(distances: Float[Tensor, "query gallery"], largest: float) -> Int64[Tensor, "query gallery"]:
    """Whole numbers, no two of a row alike, in the order of a stable sort: by distance, then by place in the gallery.

    `largest` is the largest distance that any block can hold, so that every block is measured on one scale.
    """
    gallery = distances.shape[1]
    if gallery >= _LARGEST_GALLERY:
        raise EvaluationError(f"the gallery must hold fewer than {_LARGEST_GALLERY} images, got {gallery}")
    steps = (distances.to(torch.float64) * (_ORDER_STEPS / max(largest, torch.finfo(torch.float64).tiny))).round_()
    return steps.to(torch.int64).mul_(gallery).add_(torch.arange(gallery, device=distances.device))
