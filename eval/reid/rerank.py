"""k-reciprocal re-ranking: Zhong et al., "Re-ranking Person Re-identification with k-reciprocal Encoding", CVPR 2017.

Nothing of size images x images is ever kept. Each image's nearest neighbors and its largest distance are found in
blocks; all that follows (reciprocal neighbors, the expansion, the encoding, the local query expansion) is
arithmetic on sparse matrices with a few dozen entries a row; re-ranked distances come in blocks of queries.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy import sparse
from torch import Tensor

from dgnet.core.errors import UserError, check_count
from eval.arrays import Array
from eval.reid.distance import (
    distances_of_pairs,
    joined_unit_features,
    rounded_cosines,
    row_blocks,
    squared_distances,
)
from eval.reid.labels import JUNK
from eval.reid.neighbors import nearest_neighbors, whole_float32

# Entries of the join that are in memory at once.
_JOIN_ENTRIES = 2**20


@dataclass(frozen=True)
class KReciprocal:
    """Parameters in the paper's letters: `k1` neighbors of the encoding, `k2` of the query expansion, `weight`
    (lambda) of the original distance."""

    k1: int = 20
    k2: int = 6
    weight: float = 0.3

    def __post_init__(self) -> None:
        check_count("k1 of the re-ranking", self.k1)
        check_count("k2 of the re-ranking", self.k2)
        if not 0 <= self.weight <= 1:
            raise UserError(f"the weight of the re-ranking must be from 0 to 1, got {self.weight}")

    def __str__(self) -> str:
        return f"k-reciprocal k1={self.k1} k2={self.k2} lambda={self.weight}"


def usual_reranking(query_identities: Array, gallery_identities: Array) -> KReciprocal:
    """The paper's parameters, k1 and k2 lowered where queries and gallery without junk are too few for them."""
    images = len(query_identities) + sum(identity != JUNK for identity in gallery_identities.tolist())
    return KReciprocal(k1=max(1, min(KReciprocal.k1, images - 1)), k2=max(1, min(KReciprocal.k2, images)))


def rerank(
    query_features: Array, gallery_features: Array, parameters: KReciprocal = KReciprocal()
) -> Float[Tensor, "query gallery"]:
    """Re-ranked distances 0..1 of features `[image, feature]` (L2-normalized here), on the CPU, float32 and as exact.

    The gallery must come without junk: every gallery image takes part in the encoding. `UserError` for NaN
    features, mismatched shapes and fewer than k1 + 1 images.

    Example:
        >>> import numpy as np
        >>> from eval import KReciprocal, rerank
        >>> query, gallery = np.eye(4)[:1], np.eye(4)[[0, 1, 0]]
        >>> rerank(query, gallery, KReciprocal(k1=2, k2=1)).argmin(dim=1).tolist()
        [0]
    """
    queries, gallery = len(query_features), len(gallery_features)
    features = joined_unit_features(query_features, gallery_features)
    # The result is float32, and so is the original distance in it.
    blocks = reranked_blocks(features, queries, parameters, _rounded_squared_distances)
    result = torch.empty(queries, gallery, dtype=torch.float32)
    for rows in row_blocks(queries, gallery):
        result[rows] = blocks(rows)
    return result


def _rounded_squared_distances(rows: Tensor, columns: Tensor) -> Tensor:
    with whole_float32():
        return rounded_cosines(rows, columns).T.mul_(-2).add_(2)


def reranked_blocks(
    features: Float[Tensor, "image feature"],
    queries: int,
    parameters: KReciprocal,
    distances: Callable[[Tensor, Tensor], Tensor] = squared_distances,
) -> Callable[[slice], Float[Tensor, "rows gallery"]]:
    """From a slice of queries to their re-ranked distances, float64; `features` from `eval.reid.distance`, queries
    first.

    `distances` gives the original ones: exact by default, so that the order does not depend on the slices.
    """
    query, gallery = features[:queries], features[queries:]
    needed = max(parameters.k1 + 1, parameters.k2)
    if len(features) < needed:
        raise UserError(f"{parameters} needs at least {needed} images in query and gallery, got {len(features)}")
    neighbors = nearest_neighbors(features, needed)
    # Images that are all the same have no largest distance to scale by.
    farthest = neighbors.farthest.clip(min=np.finfo(np.float64).tiny)
    encoding = _encoding(features, neighbors.nearest, farthest, parameters)
    scale = torch.from_numpy(farthest)[:, None].to(features.device)
    of_gallery = encoding[queries:].tocsc()

    def block(rows: slice) -> Tensor:
        sums = torch.from_numpy(_sums_of_minima(encoding[rows], of_gallery)).to(features.device)
        jaccard = sums.sub_(2).reciprocal_().mul_(2).add_(2)  # Eq. 10, 1 - sum / (2 - sum): each encoding sums to 1
        original = distances(query[rows], gallery).div_(scale[rows])
        return jaccard.mul_(1 - parameters.weight).add_(original, alpha=parameters.weight).cpu()  # Eq. 12

    return block


def _reciprocal(neighbors: np.ndarray) -> sparse.csr_array:
    """1 where each of two images is among the other's neighbors (Eq. 3)."""
    images, count = neighbors.shape
    ones = np.ones(images * count, dtype=np.float64)
    near = sparse.csr_array((ones, neighbors.ravel(), np.arange(images + 1) * count), shape=(images, images))
    return (near * near.T).tocsr()


def _encoding(
    features: Tensor, neighbors: np.ndarray, farthest: np.ndarray, parameters: KReciprocal
) -> sparse.csr_array:
    """Each image as a distribution over its k-reciprocal neighbors: Eq. 5, 7 and 11."""
    full = _reciprocal(neighbors[:, : parameters.k1 + 1])
    # Half of k1 is rounded half to even, as the published code does: 10 of 20, 2 of 5.
    half = _reciprocal(neighbors[:, : round(parameters.k1 / 2) + 1])
    # Eq. 5: a neighbor brings its own set along if more than two thirds of that set are already in.
    shared = ((full @ half) * full).tocoo()
    sizes = half.sum(axis=1)
    joins = shared.data * 3 > 2 * sizes[shared.col]
    brought = sparse.csr_array((shared.data[joins], (shared.row[joins], shared.col[joins])), shape=full.shape) @ half
    members = (full + brought).tocoo()

    # Eq. 7 with the squared distance scaled by the row's largest, then to a sum of 1.
    scaled = distances_of_pairs(features, members.row, members.col) / farthest[members.row]
    weights = sparse.csr_array((np.exp(-scaled), (members.row, members.col)), shape=full.shape)
    weights = (sparse.diags_array(1 / weights.sum(axis=1)) @ weights).tocsr()
    if parameters.k2 == 1:
        return weights
    # Eq. 11: local query expansion, the mean over the k2 nearest.
    images = len(neighbors)
    share = np.full(images * parameters.k2, 1 / parameters.k2)
    nearest = neighbors[:, : parameters.k2].ravel()
    mean = sparse.csr_array((share, nearest, np.arange(images + 1) * parameters.k2), shape=full.shape)
    return (mean @ weights).tocsr()


def _sums_of_minima(queries: sparse.csr_array, gallery: sparse.csc_array) -> np.ndarray:
    """`[query, gallery]`: the sum over all components of the smaller of the two entries (Eq. 10).

    Only components in which both are above 0 count: each entry of a query meets the entries of the gallery's same
    column.
    """
    sums = np.zeros((queries.shape[0], gallery.shape[0]))
    starts, lengths = gallery.indptr[:-1], np.diff(gallery.indptr)
    work = np.concatenate([[0], np.cumsum(lengths[queries.indices])])[queries.indptr]  # entries met before each query
    first = 0
    while first < queries.shape[0]:
        # As many queries as fit, at least one.
        last = max(int(np.searchsorted(work, work[first] + _JOIN_ENTRIES, side="right")) - 1, first + 1)
        entries = slice(queries.indptr[first], queries.indptr[last])
        columns, own = (
            queries.indices[entries],
            np.repeat(np.arange(last - first), np.diff(queries.indptr[first : last + 1])),
        )
        met = lengths[columns]
        ends = np.cumsum(met)
        places = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - met - starts[columns], met)
        smaller = np.minimum(np.repeat(queries.data[entries], met), gallery.data[places])
        target = np.repeat(own * gallery.shape[0], met) + gallery.indices[places]
        part = np.bincount(target, weights=smaller, minlength=(last - first) * gallery.shape[0])
        sums[first:last] = part.reshape(last - first, gallery.shape[0])
        first = last
    return sums
