"""P x K batches: P identities with K images each, for metric losses. A pure function of (seed, epoch)."""

from typing import Literal

import numpy as np
from jaxtyping import Int64

from dgnet.core.errors import UserError
from dgnet.core.random_draws import permutation

# What one epoch is: every image about once, or K images of every identity.
EpochMode = Literal["images", "identities"]


class IdentitySampler:
    """Which images are in which batch.

    In each epoch the images of an identity, in a random order, are split into groups of K; an incomplete group is
    left out. An identity with fewer than K images has one group in which its images repeat, equally often up to one.
    Every batch holds one group of each of P different identities. An epoch has as many batches as that allows, the same
    number in every epoch; which groups are left over is drawn anew.

    Args:
        labels: the class of each image.
        identities: P, at least 2.
        images: K, at least 1.
        epoch_mode: "images": an epoch shows every image about once (identities with many images come in several
            batches); "identities": it shows K images of every identity.
    """

    def __init__(
        self,
        labels: Int64[np.ndarray, "image"],
        identities: int,
        images: int,
        seed: int,
        epoch_mode: EpochMode = "images",
    ) -> None:
        people, self._sizes = np.unique(labels, return_counts=True)
        if len(people) < 2:
            raise UserError(f"a re-ID model needs training images of at least 2 identities, got {len(people)}")
        if identities < 2 or images < 1:
            raise UserError(f"a batch needs at least 2 identities with 1 image each, got {identities} with {images}")
        if identities > len(people):
            raise UserError(
                f"a batch of {identities} identities (all processes together) needs as many in the training split, "
                f"and it has {len(people)}; lower data.identities"
            )
        self.identities, self.images, self.seed = identities, images, seed
        self._grouped = np.argsort(labels, kind="stable")
        self._starts = np.cumsum(self._sizes) - self._sizes
        groups = np.ones_like(self._sizes) if epoch_mode == "identities" else np.maximum(self._sizes // images, 1)
        self.batches_per_epoch = _most_batches(groups, identities)
        # An identity is in a batch once at most.
        self._groups = np.minimum(groups, self.batches_per_epoch)

    @property
    def repeating(self) -> int:
        """How many identities have fewer than K images."""
        return int((self._sizes < self.images).sum())

    def epoch(self, epoch: int) -> Int64[np.ndarray, "batch image"]:
        """The images of every batch of `epoch` (from 0), an identity side by side: `[batches_per_epoch, P * K]`."""
        batches, wanted = self.batches_per_epoch, self.batches_per_epoch * self.identities
        order = permutation(self.seed, "order of the identities", epoch, len(self._groups))
        # Groups in the order of identities, an identity's side by side: dealt out to the batches in turn, no batch gets
        # two of one identity, because none has more groups than there are batches.
        owners = np.repeat(order, self._groups[order])[:wanted]
        first = np.concatenate([[True], owners[1:] != owners[:-1]])
        numbers = np.arange(wanted) - np.flatnonzero(first)[np.cumsum(first) - 1]  # 0, 1, ... within an identity
        shuffled = self._shuffled(epoch)
        places = numbers[:, None] * self.images + np.arange(self.images)
        chosen = shuffled[self._starts[owners, None] + places % self._sizes[owners, None]]
        dealt = chosen.reshape(self.identities, batches, self.images).transpose(1, 0, 2).reshape(batches, -1)
        return dealt[permutation(self.seed, "order of the batches", epoch, batches)]

    def _shuffled(self, epoch: int) -> np.ndarray:
        """All images, an identity's adjacent and in a random order."""
        mixed = permutation(self.seed, "order of the images", epoch, len(self._grouped))
        of_place = np.repeat(np.arange(len(self._sizes)), self._sizes)
        return self._grouped[mixed[np.argsort(of_place[mixed], kind="stable")]]


def _most_batches(groups: np.ndarray, identities: int) -> int:
    """The most batches of `identities` different ones that can be filled, none used more often than it has groups."""
    low, high = 1, int(groups.sum()) // identities
    while low < high:
        middle = (low + high + 1) // 2
        enough = int(np.minimum(groups, middle).sum()) >= middle * identities
        low, high = (middle, high) if enough else (low, middle - 1)
    return low
