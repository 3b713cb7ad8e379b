"""A head as the student of DG-Net's joint training (`appearance.head` of its configuration)."""

from pathlib import Path

from dgnet.core.errors import UserError
from dgnet.models.head import Head
from reid_heads.model_file import fill_head
from reid_heads.models.registry import build_head


def build_student(name: str, identities: int, weights: Path | None) -> Head:
    """The head of that name, filled from a file (ImageNet weights, or a trained head) if one is given.

    Raises:
        UserError: as `build_head` and `fill_head`; also for self-distillation, whose branches nothing teaches there.
    """
    if name.endswith("_kd"):
        raise UserError(
            f"DG-Net's training has no self-distillation: appearance.head must be one without _kd, not {name!r}"
        )
    head = build_head(name, identities)
    if weights is not None:
        fill_head(head, weights)
    return head
