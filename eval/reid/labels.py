"""The labels of a ranking: identities and cameras of both sides, checked; junk; each query's true matches."""

from dataclasses import dataclass

from jaxtyping import Bool
from torch import Tensor

from dgnet.core.errors import UserError
from eval.arrays import checked_labels
from eval.reid.labeled_features import LabeledFeatures

JUNK = -1


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
        """The labels of both sides, junk included. `UserError` for junk queries and a gallery of junk alone."""
        identities = checked_labels("query.identities", query.identities, len(query))
        cameras = checked_labels("query.cameras", query.cameras, len(query))
        gallery_identities = checked_labels("gallery.identities", gallery.identities, len(gallery))
        gallery_cameras = checked_labels("gallery.cameras", gallery.cameras, len(gallery))
        kept = (gallery_identities != JUNK).nonzero().flatten()
        if bool((identities == JUNK).any()):
            raise UserError("query.identities must not hold junk: identity -1 stands for junk of the gallery")
        if not len(kept):
            raise UserError("the gallery must hold images that can be ranked, it holds nothing but junk")
        parts = (identities, cameras, gallery_identities[kept], gallery_cameras[kept], kept)
        return cls(*(part.to(device) for part in parts))  # type: ignore[call-overload]

    def masks(self, rows: slice) -> tuple[Bool[Tensor, "rows gallery"], Bool[Tensor, "rows gallery"]]:
        """Of these queries: their true matches (same identity, another camera), and what is left out for them (same
        identity and camera)."""
        same_identity = self.query_identities[rows, None] == self.gallery_identities
        same_camera = self.query_cameras[rows, None] == self.gallery_cameras
        return same_identity & ~same_camera, same_identity & same_camera
