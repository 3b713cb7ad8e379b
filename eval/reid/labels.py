"""The labels of a ranking: identities and cameras of both sides, checked; junk; each query's true matches."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor

from dgnet.core.errors import UserError
from eval.arrays import checked_labels
from eval.datasets import ImageRecord
from eval.reid.labeled_features import LabeledFeatures

JUNK = -1
UNKNOWN_CAMERA = -1
NO_MATCH = "no query has an image of its identity from another camera in the gallery: nothing to measure"


def check_cameras(query_identities: Tensor, sides: Sequence[tuple[Tensor, Tensor]]) -> None:
    """`UserError` where known and unknown cameras meet in one identity of the queries.

    Whether two images come from one camera decides what a true match is: an unknown camera beside a known one would
    count as another one.

    Args:
        query_identities: int64 `[query]`.
        sides: identities and cameras, each int64 `[image]`, of the queries, the gallery and further query images;
            camera -1 is unknown.
    """
    identities, cameras = (torch.cat([side[column] for side in sides]) for column in (0, 1))
    if bool((cameras < UNKNOWN_CAMERA).any()):
        raise UserError(
            f"cameras must be whole numbers from 0, or {UNKNOWN_CAMERA} (unknown), got {int(cameras.min())}"
        )
    known, unknown = (identities[part].unique() for part in (cameras >= 0, cameras < 0))
    mixed = known[torch.isin(known, unknown) & torch.isin(known, query_identities)]
    if len(mixed):
        first = identities == mixed[0]
        counts = (
            f"{int((first & (cameras >= 0)).sum())} images of known cameras and {int((first & (cameras < 0)).sum())}"
        )
        raise UserError(
            f"cameras must be known for all images of an identity or for none: identity {int(mixed[0])} (and "
            f"{len(mixed) - 1} others) has {counts} of an unknown one ({UNKNOWN_CAMERA})"
        )


def check_rankable(query: Sequence[ImageRecord], gallery: Sequence[ImageRecord]) -> None:
    """`UserError` for labels that no ranking takes, and for no query with a match; called before features are
    extracted, which takes long."""
    first, second = (LabeledFeatures.of_records(np.empty((len(part), 0)), part) for part in (query, gallery))
    RankingLabels.of(first, second, "cpu")
    cameras: dict[int, set[int]] = defaultdict(set)
    for record in gallery:
        cameras[record.identity].add(record.camera)
    if not any(cameras[record.identity] - {record.camera} for record in query):
        raise UserError(NO_MATCH)


@dataclass(frozen=True)
class RankingLabels:
    """Identities and cameras, int64 `[image]` on the device of the query features; the gallery's without junk."""

    query_identities: Tensor
    query_cameras: Tensor
    gallery_identities: Tensor
    gallery_cameras: Tensor
    kept: Tensor  # indices of the gallery's images that are not junk

    @classmethod
    def of(cls, query: LabeledFeatures, gallery: LabeledFeatures, device: object) -> "RankingLabels":
        """The labels of both sides, junk included.

        `UserError` for junk queries, a gallery of junk alone, and cameras that are known for a part of an identity.
        """
        identities = checked_labels("query.identities", query.identities, len(query))
        cameras = checked_labels("query.cameras", query.cameras, len(query))
        gallery_identities = checked_labels("gallery.identities", gallery.identities, len(gallery))
        gallery_cameras = checked_labels("gallery.cameras", gallery.cameras, len(gallery))
        kept = (gallery_identities != JUNK).nonzero().flatten()
        if bool((identities == JUNK).any()):
            raise UserError("query.identities must not hold junk: identity -1 stands for junk of the gallery")
        if not len(kept):
            raise UserError("the gallery must hold images that can be ranked, it holds nothing but junk")
        check_cameras(identities, [(identities, cameras), (gallery_identities, gallery_cameras)])
        parts = (identities, cameras, gallery_identities[kept], gallery_cameras[kept], kept)
        return cls(*(part.to(device) for part in parts))  # type: ignore[call-overload]

    def masks(self, rows: slice) -> tuple[Bool[Tensor, "rows gallery"], Bool[Tensor, "rows gallery"]]:
        """Of these queries: their true matches (same identity, another camera), and what is left out for them (same
        identity and camera)."""
        same_identity = self.query_identities[rows, None] == self.gallery_identities
        same_camera = self.query_cameras[rows, None] == self.gallery_cameras
        return same_identity & ~same_camera, same_identity & same_camera
