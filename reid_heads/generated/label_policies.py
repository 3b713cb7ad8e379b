"""What a head is told about a generated image: label policies by name."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from dgnet.losses.soft_label import STYLES_THAT_ASK, TeacherStyle
from dgnet.training.teacher_ensemble import TeacherEnsemble
from reid_heads.losses.label_smoothing import UNLABELED, smoothed_labels

PolicyName = Literal["appearance", "soft", "hard", "lsro", "soft_between", "fine_grained", "unlabeled"]


@dataclass(frozen=True)
class Policy:
    """`names_identity`: whether it says one identity of an image, which metric losses need; `style` is DG-Net's."""

    meaning: str
    names_identity: bool
    style: TeacherStyle | None = None

    @property
    def asks_teacher(self) -> bool:
        """Whether a trained teacher must be there."""
        return self.style in STYLES_THAT_ASK


POLICIES: dict[PolicyName, Policy] = {
    "appearance": Policy(
        "one-hot: the identity whose clothes are on it (DG-Net's style 2), smoothed as the labels of real images are",
        True,
        2,
    ),
    "soft": Policy(
        "the teacher's softmax over all identities (style 0); metric losses take the appearance's identity", True, 0
    ),
    "hard": Policy("one-hot: the identity that the teacher finds likeliest (style 1)", True, 1),
    "lsro": Policy("every identity equally (style 3; LSRO, Zheng et al. 2017): it shows none of them", False, 3),
    "soft_between": Policy(
        "the teacher's softmax shared out between the two sources' identities (style 4); metric losses take the "
        "appearance's",
        True,
        4,
    ),
    "fine_grained": Policy(
        "one-hot: the identity whose pose and body it has (DG-Net's fine-grained mining), smoothed as real labels are",
        True,
    ),
    "unlabeled": Policy("no label: it enters the distillation terms alone", False),
}


class GeneratedLabels(NamedTuple):
    """`labels` `[batch]` for metric losses (-1: none) and `distributions` `[batch, identity]` for cross-entropy."""

    labels: Tensor
    distributions: Tensor


def generated_labels(
    policy: PolicyName,
    images: Float[Tensor, "batch 3 _ _"],
    appearance: Int64[Tensor, "batch"],
    structure: Int64[Tensor, "batch"],
    identities: int,
    *,
    smoothing: float = 0.0,
    teaching: TeacherEnsemble | None = None,
) -> GeneratedLabels:
    """What a policy says of generated images.

    Args:
        images: normalized, not augmented: what the teacher is asked about.
        appearance, structure: classes of the two sources, -1 where unknown.
        smoothing: of one-hot labels, as for real images.
        teaching: the teacher with the style of the policy, for the policies that ask one.
    """
    nobody = torch.full_like(appearance, UNLABELED)
    known = POLICIES[policy]
    if policy in ("appearance", "fine_grained"):
        labels = appearance if policy == "appearance" else structure
        return GeneratedLabels(labels, smoothed_labels(labels, identities, smoothing))
    if policy == "unlabeled":
        return GeneratedLabels(nobody, smoothed_labels(nobody, identities))
    if policy == "lsro":
        return GeneratedLabels(nobody, torch.full((len(images), identities), 1 / identities, device=images.device))
    assert teaching is not None and teaching.style == known.style
    # A source that is unknown allows no identity: class 0 stands in where the style does not look at it.
    distributions = teaching.label(images, appearance.clamp(min=0), structure.clamp(min=0)).float()
    labels = distributions.argmax(1) if policy == "hard" else appearance
    return GeneratedLabels(labels, distributions)
