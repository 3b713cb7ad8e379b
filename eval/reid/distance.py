"""Distances whose order never depends on how they were computed.

A matrix product of floats is rounded differently for another chunk size, thread count or device, and then equal images
swap places. Here unit features are rounded to multiples of 2^-24, which float32 holds: every product is a multiple of
2^-48 and every partial sum stays under 2, so float64 holds each of them **exactly** and the order of summation cannot
matter. The rounding moves a cosine by about 2e-8, less than a float32 product does: images whose cosines are nearer to
each other than about 2e-7 may be ordered otherwise than by float64 arithmetic on the features as they were given, and
mAP is then some 1e-6 off.
"""

import logging
import warnings
from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from dgnet.core.errors import UserError
from eval.arrays import Array, checked_features

_log = logging.getLogger(__name__)

_FEATURE_STEP = 2.0**-24
# Distances are told apart at 2^-40 of the largest possible one; what is closer is a tie: the gallery's order decides.
_ORDER_STEPS = 2.0**40
# 2^40 steps x 2^22 gallery images still fit an int64 key.
_LARGEST_GALLERY = 2**22
# Elements of one block of the distance matrix: 32 MiB in float64, and a few times that while it is worked on.
_BLOCK_ELEMENTS = 2**22
# Lengths whose squares float64 holds with all digits.
_LENGTHS = 1e-140, 1e140
# Images whose features are in memory as float64 at once: 32 MiB at 2048 numbers each.
_TILE_IMAGES = 2048


def unit_features(name: str, features: Array) -> Float[Tensor, "image feature"]:
    """Features `[image, feature]` L2-normalized, float32, in multiples of 2^-24 (see above), on their own device.

    A row of zeros stays zero: it is equally far from everything. `UserError` for NaN, infinity, no rows, and lengths
    that float64 cannot square (below 1e-140, above 1e140).
    """
    given = checked_features(name, features)
    return _normalized(given, torch.empty(given.shape, dtype=torch.float32, device=given.device))


def joined_unit_features(
    query_features: Array, gallery_features: Array, kept: Int64[Tensor, " kept"] | None = None
) -> Float[Tensor, "image feature"]:
    """`unit_features` of the queries and, below them, of the gallery, or of its images at the places `kept`.

    On the device of the query features, with a warning where all are the same or some are zeros. `UserError` as above
    and for features of two lengths.
    """
    query = checked_features("query.features", query_features)
    gallery = checked_features("gallery.features", gallery_features)
    check_columns(query, gallery)
    of_gallery = len(gallery) if kept is None else len(kept)
    joined = torch.empty(len(query) + of_gallery, query.shape[1], dtype=torch.float32, device=query.device)
    _normalized(query, joined[: len(query)])
    _normalized(gallery, joined[len(query) :], kept)
    zeros = int((joined == 0).all(1).sum())
    if len(joined) > 1 and bool((joined == joined[0]).all()):
        _log.warning(
            "warning: the features of all %d images are the same: the gallery is ranked in its own order, and the "
            "figures say nothing about the model",
            len(joined),
        )
    elif zeros:
        _log.warning(
            "warning: the features of %d of %d images are zeros, as far from one image as from another: where they are "
            "ranked or rank, the order is that of the gallery",
            zeros,
            len(joined),
        )
    return joined


def check_columns(query: Tensor, gallery: Tensor) -> None:
    """`UserError` unless features of both sides have the same length."""
    if query.shape[1] != gallery.shape[1]:
        raise UserError(
            f"query and gallery features must have as many columns, got {query.shape[1]} and {gallery.shape[1]}"
        )


def _normalized(given: Tensor, out: Tensor, kept: Tensor | None = None) -> Tensor:
    for rows in _tiles(len(out)):
        part = (given[rows] if kept is None else given[kept[rows].to(given.device)]).to(out.device, torch.float64)
        lengths = torch.linalg.vector_norm(part, dim=1, keepdim=True)
        short = lengths < _LENGTHS[0]
        # Squares of such numbers are infinite or 0, and all directions alike.
        if bool((lengths > _LENGTHS[1]).any()) or (bool(short.any()) and bool((part != 0)[short.flatten()].any())):
            raise UserError(f"features must have lengths from {_LENGTHS[0]} to {_LENGTHS[1]}, or 0; one is beyond")
        part = part / lengths.clamp_min(torch.finfo(torch.float64).tiny)
        out[rows] = part.div_(_FEATURE_STEP).round_().mul_(_FEATURE_STEP)
    return out


def squared_distances(
    rows: Float[Tensor, "query feature"], columns: Float[Tensor, "gallery feature"]
) -> Float[Tensor, "query gallery"]:
    """Squared Euclidean distances 0..4 of `unit_features`, 2 - 2 cosine: float64, exact, ordered as the distance is."""
    result = torch.empty(len(rows), len(columns), dtype=torch.float64, device=rows.device)
    left, buffer = rows.double(), _float64_buffer(columns)
    for tile in _tiles(len(columns)):
        torch.mm(left, _in_float64(columns, tile, buffer).T, out=result[:, tile])
    return result.mul_(-2).add_(2)


def rounded_cosines(
    rows: Float[Tensor, "query feature"], columns: Float[Tensor, "gallery feature"]
) -> Float[Tensor, "gallery query"]:
    """Products of float32 features, the gallery first and contiguous; rounded, and not the same in every chunking.

    As a 1x1 convolution over the gallery: on a CPU that is oneDNN's product, up to 1.5 times as fast as `torch.mm`.
    """
    image = columns[None, :, None].permute(0, 3, 1, 2)
    weight = rows[:, None, None].permute(0, 3, 1, 2)
    return torch.nn.functional.conv2d(image, weight)[0, :, :, 0].T


def distances_of_pairs(
    features: Float[Tensor, "image feature"], first: np.ndarray, second: np.ndarray
) -> Float[np.ndarray, " pair"]:
    """`squared_distances` of single pairs of images (two arrays of places in `features`), exact as they are.

    Nothing is gathered: pairs are sorted into tiles of images x images, and each tile is a sparse product.
    """
    low, high = np.minimum(first, second).astype(np.int64), np.maximum(first, second).astype(np.int64)
    tiles, size = -(-len(features) // _TILE_IMAGES), _TILE_IMAGES
    # One number for each pair: its tile, then its row and its column in the tile.
    code = ((high // size * tiles + low // size) * size + low % size) * size + high % size
    code, back = np.unique(code, return_inverse=True)
    ends = np.searchsorted(code, np.arange(tiles**2 + 1) * size**2)
    cosines = np.empty(len(code))
    left, right = _float64_buffer(features), _float64_buffer(features)
    for tile in range(tiles**2):
        pairs = slice(ends[tile], ends[tile + 1])
        if pairs.start < pairs.stop:
            rows, columns = (slice(t * size, (t + 1) * size) for t in (tile % tiles, tile // tiles))
            cosines[pairs] = _cosines(
                _in_float64(features, rows, left),
                _in_float64(features, columns, right),
                code[pairs] // size % size,
                code[pairs] % size,
            )
    return (2 - 2 * cosines)[back]


def _float64_buffer(features: Tensor) -> Tensor:
    """Room for one tile: pages that are used again cost nothing, fresh ones as much as the product itself."""
    shape = min(len(features), _TILE_IMAGES), features.shape[1]
    return torch.empty(shape, dtype=torch.float64, device=features.device)


def _in_float64(features: Tensor, tile: slice, buffer: Tensor) -> Tensor:
    part = features[tile]
    return buffer[: len(part)].copy_(part)


def _cosines(left: Tensor, right: Tensor, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Products of single rows of `left` and `right`; the pairs come sorted by row."""
    starts = torch.from_numpy(np.searchsorted(rows, np.arange(len(left) + 1))).to(left.device)
    values = torch.zeros(len(rows), dtype=left.dtype, device=left.device)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta")
        wanted = torch.sparse_csr_tensor(
            starts, torch.from_numpy(columns).to(left.device), values, (len(left), len(right)), check_invariants=False
        )
        return torch.sparse.sampled_addmm(wanted, left, right.T, beta=0.0).values().cpu().numpy()


def row_blocks(rows: int, columns: int, block: int | None = None) -> Iterator[slice]:
    """Slices that cover `rows` so that one block of `rows x columns` float64 numbers stays about 32 MiB."""
    if block is None:
        block = _BLOCK_ELEMENTS // max(columns, 1)
    block = max(block, 1)
    for start in range(0, rows, block):
        yield slice(start, min(start + block, rows))


def order_keys(
    distances: Float[Tensor, "query gallery"],
    largest: float,
    places: Int64[Tensor, "query gallery"] | None = None,
    gallery: int | None = None,
) -> Int64[Tensor, "query gallery"]:
    """Whole numbers, no two of a row alike, in the order of a stable sort: by distance, then by place in the gallery.

    `largest` is the largest distance that any block can hold, so that every block is measured on one scale. The columns
    are the whole gallery in its order, unless `places` says which of `gallery` images they are.
    """
    gallery = distances.shape[1] if gallery is None else gallery
    if gallery >= _LARGEST_GALLERY:
        raise UserError(f"the gallery must hold fewer than {_LARGEST_GALLERY} images, got {gallery}")
    steps = (distances.to(torch.float64) * (_ORDER_STEPS / max(largest, torch.finfo(torch.float64).tiny))).round_()
    return (
        steps.to(torch.int64)
        .mul_(gallery)
        .add_(torch.arange(gallery, device=distances.device) if places is None else places)
    )


def _tiles(images: int) -> Iterator[slice]:
    for start in range(0, images, _TILE_IMAGES):
        yield slice(start, min(start + _TILE_IMAGES, images))
