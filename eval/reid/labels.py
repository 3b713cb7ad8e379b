"""Who is who in a ranking: identities and cameras of both sides, checked; junk; what each query is to find."""

from dataclasses import dataclass

from jaxtyping import Bool
from torch import Tensor

from dgnet.core.errors import UserError
from eval.arrays import Array, checked_labels

JUNK = -1


@dataclass(frozen=True)
class RankingLabels:
    """Identities and cameras, whole numbers on the device of the distances; the gallery's without junk."""

    query_ids: Tensor
    query_cameras: Tensor
    gallery_ids: Tensor
    gallery_cameras: Tensor
    kept: Tensor  # places of the gallery's images that are not junk

    @classmethod
    def checked(
        cls,
        queries: Tensor,
        gallery: int,
        query_ids: Array,
        query_cameras: Array,
        gallery_ids: Array,
        gallery_cameras: Array,
    ) -> "RankingLabels":
        """Labels for the rows of `queries` and for `gallery` images, junk included."""
        ids = checked_labels("query_ids", query_ids, len(queries))
        cameras = checked_labels("query_cameras", query_cameras, len(queries))
        other_ids = checked_labels("gallery_ids", gallery_ids, gallery)
        other_cameras = checked_labels("gallery_cameras", gallery_cameras, gallery)
        kept = (other_ids != JUNK).nonzero().flatten()
        if bool((ids == JUNK).any()):
            raise UserError("query_ids must not hold junk, identity -1 stands for junk of the gallery")
        if not len(kept):
            raise UserError("the gallery must hold images that can be ranked, it holds nothing but junk")
        parts = (ids, cameras, other_ids[kept], other_cameras[kept], kept)
        return cls(*(part.to(queries.device) for part in parts))

    def masks(self, rows: slice) -> tuple[Bool[Tensor, "rows gallery"], Bool[Tensor, "rows gallery"]]:
        """Of these queries: their true matches (same identity, another camera), and what is left out for them (same
        identity and camera)."""
        same_id = self.query_ids[rows, None] == self.gallery_ids
        same_camera = self.query_cameras[rows, None] == self.gallery_cameras
        return same_id & ~same_camera, same_id & same_camera
