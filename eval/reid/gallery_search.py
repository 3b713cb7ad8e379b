"""The nearest images of a large gallery, exactly, in bounded memory and near the rate of a float32 matrix product.

The gallery is read part by part and may be a file in memory map. A float32 product proposes a few more images than are
asked for; their exact distances (`eval.reid.distance`) decide, and where an image that was not proposed could be among
the nearest, that query is compared with the whole gallery exactly. Of a product the largest of each 64 gallery images
is searched before the images themselves: an image among the k best is in one of the k best groups.

Memory: one part of the gallery, its product with the queries (64 MiB) and about a hundred numbers a query.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from dgnet.core.errors import UserError
from eval.arrays import Array, as_tensor
from eval.reid.distance import check_columns, order_keys, rounded_cosines, squared_distances, unit_features
from eval.reid.neighbors import rounding_error, whole_float32

# Images proposed beyond those asked for.
SPARE = 8
# Gallery images in a part (128 MiB at 512 numbers), in a group, and elements of one product.
PART, _GROUP, _PRODUCT = 2**16, 64, 2**24


@dataclass(frozen=True)
class NearestImages:
    """`indices` `[query, count]`: the nearest gallery images of each query, by similarity and then by place;
    `similarities` `[query, count]`: their cosines, -1 to 1."""

    indices: Int64[np.ndarray, "query count"]
    similarities: Float[np.ndarray, "query count"]


def nearest_in_gallery(query: Array, gallery: Array, count: int, *, normalized: bool = False) -> NearestImages:
    """The `count` images of a gallery that are nearest to each query.

    Args:
        query: `[query, feature]`.
        gallery: `[image, feature]`; a NumPy memory map is read part by part.
        count: at least 1; all images where the gallery has fewer.
        normalized: the gallery is what `eval.reid.distance.unit_features` gave, and is not normalized again.

    Raises:
        UserError: features that are not finite, of two lengths, or none; a count below 1.

    Example:
        >>> import numpy as np
        >>> from eval.reid.gallery_search import nearest_in_gallery
        >>> nearest_in_gallery(np.array([[1.0, 0.2]]), np.eye(2), count=1).indices.tolist()
        [[0]]
    """
    if count < 1:
        raise UserError(f"count must be at least 1, got {count}")
    queries = unit_features("query", query)
    images = len(gallery)
    count = min(count, images)
    best = torch.full((len(queries), 0), 0.0, dtype=torch.float32)
    indices = torch.zeros(len(queries), 0, dtype=torch.int64)
    proposed = min(count + SPARE, images)
    for first, part in _parts(gallery, normalized):
        check_columns(queries, part)
        values, found = _proposals(queries, part, min(proposed, len(part)))
        best, indices = torch.cat([best, values], 1), torch.cat([indices, found + first], 1)
        best, chosen = best.topk(min(proposed, best.shape[1]), dim=1)
        indices = indices.gather(1, chosen)
    nearest = ranked_exactly(queries, gallery, indices, count, normalized=normalized)
    if proposed < images:
        indices, exact = torch.from_numpy(nearest.indices), torch.from_numpy(nearest.similarities)
        unsure = (exact[:, -1] <= best[:, -1] + rounding_error(queries.shape[1])).nonzero().flatten()
        if len(unsure):
            indices[unsure], exact[unsure] = _all_exact(queries[unsure], gallery, count, normalized)
        nearest = NearestImages(indices.numpy(), exact.numpy())
    return nearest


def ranked_exactly(
    queries: Tensor, gallery: Array, indices: Int64[Tensor, "query proposed"], count: int, *, normalized: bool
) -> NearestImages:
    """The nearest `count` of the images at the `indices` of each query, by exact similarity and then by place."""
    exact = _exact_cosines(queries, gallery, indices, normalized)
    order = order_keys(2 - 2 * exact, 4.0, indices, len(gallery)).argsort(dim=1)[:, :count]
    return NearestImages(indices.gather(1, order).numpy(), exact.gather(1, order).numpy())


def _parts(gallery: Array, normalized: bool) -> Iterator[tuple[int, Tensor]]:
    """Parts of the gallery as unit features, each with the place of its first image."""
    for first in range(0, len(gallery), PART):
        yield first, _unit(gallery[first : first + PART], normalized)
        _release(gallery)


def _release(gallery: Array) -> None:
    """Give back the pages of a mapped file: those that were read count as memory of this process until then."""
    if not isinstance(gallery, np.memmap) or gallery.mode != "r" or not hasattr(mmap, "MADV_DONTNEED"):
        return
    if isinstance(gallery.base, mmap.mmap):
        gallery.base.madvise(mmap.MADV_DONTNEED)


def _unit(rows: Array, normalized: bool) -> Tensor:
    # A memory map is read here; a tensor of it would be one of the file.
    rows = np.array(rows) if isinstance(rows, np.memmap) else rows
    return as_tensor("gallery", rows).float().cpu() if normalized else unit_features("gallery", rows).cpu()


def _proposals(queries: Tensor, part: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` largest rounded cosines of each query with a part of the gallery, and their indices in it."""
    values = torch.empty(len(queries), count, dtype=torch.float32)
    indices = torch.empty(len(queries), count, dtype=torch.int64)
    block = max(_PRODUCT // len(part), 1)
    for start in range(0, len(queries), block):
        rows = slice(start, start + block)
        with whole_float32():
            cosines = rounded_cosines(queries[rows].cpu(), part)  # [image, query]
        values[rows], indices[rows] = _largest(cosines, count)
    return values, indices


def _largest(cosines: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` largest of each column and their rows, `[column, count]`."""
    groups = len(cosines) // _GROUP
    if groups < 2 * count:
        values, indices = cosines.T.topk(count, dim=1)
        return values, indices
    whole, columns = groups * _GROUP, cosines.shape[1]
    grouped = cosines[:whole].view(groups, _GROUP, columns)
    chosen = grouped.amax(dim=1).T.topk(count, dim=1).indices  # [column, count]
    members = (chosen[:, :, None] * _GROUP + torch.arange(_GROUP)).flatten(1)
    rest = torch.arange(whole, len(cosines)).expand(columns, -1)
    members = torch.cat([members, rest], dim=1)
    values, order = cosines.T.gather(1, members).topk(count, dim=1)
    return values, members.gather(1, order)


def _exact_cosines(queries: Tensor, gallery: Array, indices: Tensor, normalized: bool) -> Tensor:
    """The cosine of each query with the images at its `indices`, float64 and exact."""
    exact = torch.empty(indices.shape, dtype=torch.float64)
    for number, chosen in enumerate(indices):
        rows = _unit(gallery[chosen.numpy() if isinstance(gallery, np.ndarray) else chosen], normalized)
        exact[number] = rows.double() @ queries[number].double().cpu()
        _release(gallery)
    return exact


def _all_exact(queries: Tensor, gallery: Array, count: int, normalized: bool) -> tuple[Tensor, Tensor]:
    """The nearest by exact distances alone: indices and cosines."""
    images = len(gallery)
    keys = torch.zeros(len(queries), 0, dtype=torch.int64)
    for first, part in _parts(gallery, normalized):
        for start in range(0, len(part), _PRODUCT // (4 * len(queries)) + 1):
            some = part[start : start + _PRODUCT // (4 * len(queries)) + 1]
            here = torch.arange(first + start, first + start + len(some)).expand(len(queries), -1)
            met = order_keys(squared_distances(queries.cpu(), some), 4.0, here, images)
            keys = torch.cat([keys, met], 1)
            keys = keys.topk(min(count, keys.shape[1]), dim=1, largest=False, sorted=True).values
    indices = keys % images
    return indices, _exact_cosines(queries, gallery, indices, normalized)
