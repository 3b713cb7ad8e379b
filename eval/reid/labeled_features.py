"""Features of images with the identity and the camera of each: what rankings are made of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eval.arrays import Array
from eval.datasets import ImageRecord


@dataclass(frozen=True)
class LabeledFeatures:
    """One side of a ranking, the queries or the gallery.

    Attributes:
        features: `[image, feature]`, floating point, of any length (they are L2-normalized for ranking).
        identities: `[image]`, whole numbers; in a gallery -1 is junk and 0 a distractor.
        cameras: `[image]`, whole numbers; -1 is unknown, which must then hold for all images of that identity.
    """

    features: Array
    identities: Array
    cameras: Array

    @classmethod
    def of_records(cls, features: Array, records: Sequence[ImageRecord]) -> "LabeledFeatures":
        """Features with the labels of their images' records, in one order."""
        return cls(features, *labels_of(records))

    def __len__(self) -> int:
        return len(self.features)


def labels_of(records: Sequence[ImageRecord]) -> tuple[np.ndarray, np.ndarray]:
    """Identities and cameras of records, each int64 `[image]`."""
    identities = np.array([record.identity for record in records], dtype=np.int64)
    return identities, np.array([record.camera for record in records], dtype=np.int64)
