"""Each image's nearest neighbors among all others, exactly, at the speed of a float32 product.

A float32 product is rounded, so it only proposes: a few more neighbors than are asked for. What lies within twice its
rounding error of the last proposed one may be missing; where that could change the answer the row is computed again
exactly (`eval.reid.distance`), everywhere else the exact distances of the proposed ones alone decide. The product is
symmetric: each block of it serves its rows and its columns.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from eval.reid.distance import distances_of_pairs, order_keys, rounded_cosines, row_blocks, squared_distances

# Neighbors proposed beyond those asked for, and far images proposed for the farthest one.
_SPARE, _FAR = 8, 4
# Elements of one block of cosines: 64 MiB in float32.
_BLOCK_ELEMENTS = 2**24
_SELF = 2.0  # above every cosine


@dataclass(frozen=True)
class Neighbors:
    """`nearest` `[image, count]`: the places of each image's nearest ones, itself first, then by distance and place;
    `farthest` `[image]`: its largest squared distance 0..4."""

    nearest: Int64[np.ndarray, "image count"]
    farthest: Float[np.ndarray, " image"]


def nearest_neighbors(features: Float[Tensor, "image feature"], count: int) -> Neighbors:
    """The `count` nearest images of each one, itself among them and first; features from
    `eval.reid.distance.unit_features`.

    At most `count` images must be asked of `len(features)`. Memory: the features, and about a hundred numbers an image.
    """
    near, far = _proposed(features, min(count + _SPARE, len(features)), min(_FAR, len(features)))
    doubt = 2 * rounding_error(features.shape[1])
    unsure = torch.zeros(len(features), dtype=torch.bool, device=features.device)
    if near.size < len(features):
        unsure |= near.cosines[:, count - 1] - near.cosines[:, -1] <= doubt
    if far.size < len(features):
        unsure |= far.cosines[:, -1] - far.cosines[:, 0] <= doubt

    both = _exact(features, torch.cat([near.places, far.places], dim=1))
    distances, farthest = both[:, : near.size], both[:, near.size :].amax(dim=1)
    distances[near.cosines == _SELF] = -4.0
    keys = order_keys(distances, 4.0, near.places, len(features)).topk(count, dim=1, largest=False, sorted=True).values
    nearest = keys.remainder_(len(features))
    again = unsure.nonzero().flatten()
    for rows in row_blocks(len(again), len(features)):
        images = again[rows]
        distances = squared_distances(features[images], features)
        farthest[images] = distances.amax(dim=1)
        distances.scatter_(1, images[:, None], -4.0)
        keys = order_keys(distances, 4.0).topk(count, dim=1, largest=False, sorted=True).values
        nearest[images] = keys.remainder_(len(features))
    return Neighbors(nearest.cpu().numpy(), farthest.cpu().numpy())


def rounding_error(columns: int) -> float:
    """How far a float32 product of two unit features (exact in float32) of that length can be from the true cosine.

    Each addition of a sum that stays within 1 is wrong by at most 2^-25: never by more than `columns` times that in
    all, and, as errors of both signs, by more than 8 sqrt(columns) times that with a chance under 1e-13 (Hoeffding's
    inequality; Higham and Mary, "A new approach to probabilistic rounding error analysis", 2019).
    """
    return min(columns, 8 * columns**0.5) * 2.0**-25


class _Best:
    """The largest (or smallest) cosines of each image so far, and whose they are, best first."""

    def __init__(self, features: Tensor, size: int, largest: bool) -> None:
        worst = -float("inf") if largest else float("inf")
        self.cosines = torch.full((len(features), size), worst, dtype=torch.float32, device=features.device)
        self.places = torch.zeros(len(features), size, dtype=torch.int64, device=features.device)
        self.size, self.largest = size, largest

    def update(self, rows: slice, cosines: Tensor, first: int) -> None:
        """Compare the images `rows` with those from index `first` on."""
        best, places = cosines.topk(min(self.size, cosines.shape[1]), dim=1, largest=self.largest, sorted=False)
        best, places = torch.cat([self.cosines[rows], best], 1), torch.cat([self.places[rows], places + first], 1)
        self.cosines[rows], chosen = best.topk(self.size, dim=1, largest=self.largest, sorted=True)
        self.places[rows] = places.gather(1, chosen)


def _proposed(features: Tensor, near: int, far: int) -> tuple[_Best, _Best]:
    """By rounded cosines: the `near` nearest of each image, itself first, and the `far` farthest."""
    nearest, farthest = _Best(features, near, True), _Best(features, far, False)
    block = min(max(_BLOCK_ELEMENTS // len(features), 1), len(features))
    # Made once: fresh pages cost as much time as copying does.
    turned = torch.empty(block * len(features), dtype=torch.float32, device=features.device)
    with whole_float32():
        for rows in row_blocks(len(features), len(features), block):
            own, left = rows.stop - rows.start, len(features) - rows.start
            product = rounded_cosines(features[rows], features[rows.start :])
            product[:own].fill_diagonal_(_SELF)
            cosines, later = turned[: own * left].view(own, left).copy_(product.T), product[own:]
            for best in (nearest, farthest):
                best.update(rows, cosines, rows.start)
                if len(later):
                    best.update(slice(rows.stop, len(features)), later, rows.start)
    return nearest, farthest


@contextlib.contextmanager
def whole_float32() -> Iterator[None]:
    """No TF32 or bf16 inside float32 products, and no autocast, whatever the caller has allowed: the error bound holds
    for none."""
    before, tf32 = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    try:
        with torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
        torch.backends.cudnn.allow_tf32 = tf32


def _exact(features: Tensor, places: Tensor) -> Float[Tensor, "image proposed"]:
    """The squared distances of each image from those at its `places`."""
    images = np.arange(len(features)).repeat(places.shape[1])
    distances = distances_of_pairs(features, images, places.flatten().cpu().numpy())
    return torch.from_numpy(distances).view(places.shape).to(features.device)
