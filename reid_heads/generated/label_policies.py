"""Label policies: the labels of generated images, by name."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from dgnet.losses.soft_label import LABELS_FROM_TEACHER, TeacherLabel
from dgnet.training.teacher_ensemble import TeacherEnsemble
from reid_heads.losses.label_smoothing import UNLABELED, smoothed_labels

LabelPolicyName = Literal["appearance", "soft", "hard", "lsro", "soft_between", "fine_grained", "unlabeled"]


@dataclass(frozen=True)
class LabelPolicy:
    """`gives_identity`: whether an image gets one identity, which metric losses need; `teacher_label`: the same
    rule in `dgnet.losses.soft_label`.
    """

    meaning: str
    gives_identity: bool
    teacher_label: TeacherLabel | None = None

    @property
    def needs_teacher(self) -> bool:
        """Whether a trained teacher is needed."""
        return self.teacher_label in LABELS_FROM_TEACHER


LABEL_POLICIES: dict[LabelPolicyName, LabelPolicy] = {
    "appearance": LabelPolicy(
        "one-hot: the identity of the appearance image, smoothed as the labels of real images are",
        True,
        "appearance",
    ),
    "soft": LabelPolicy(
        "the teacher's softmax over all identities; metric losses take the appearance's identity", True, "soft"
    ),
    "hard": LabelPolicy("one-hot: the teacher's most likely identity", True, "hard"),
    "lsro": LabelPolicy("every identity equally (LSRO, Zheng et al. 2017)", False, "lsro"),
    "soft_between": LabelPolicy(
        "the teacher's softmax restricted to the two sources' identities; metric losses take the appearance's",
        True,
        "soft_between",
    ),
    "fine_grained": LabelPolicy(
        "one-hot: the identity of the structure image (DG-Net's fine-grained mining), smoothed as real labels are",
        True,
    ),
    "unlabeled": LabelPolicy("no label: the image enters the distillation terms alone", False),
}


class GeneratedLabels(NamedTuple):
    """`labels` `[batch]` for metric losses (-1: none) and `distributions` `[batch, identity]` for cross-entropy."""

    labels: Tensor
    distributions: Tensor


def labeled(
    policy: LabelPolicyName, appearance: Int64[Tensor, "batch"], structure: Int64[Tensor, "batch"]
) -> Bool[Tensor, "batch"]:
    """Whether an image gets one identity from `generated_labels`, known before any teacher is asked.

    >>> labeled("fine_grained", torch.tensor([3, -1]), torch.tensor([-1, 5]))
    tensor([False,  True])
    """
    if not LABEL_POLICIES[policy].gives_identity:
        return torch.zeros_like(appearance, dtype=torch.bool)
    if policy == "hard":
        return torch.ones_like(appearance, dtype=torch.bool)
    return (structure if policy == "fine_grained" else appearance) != UNLABELED


def generated_labels(
    policy: LabelPolicyName,
    images: Float[Tensor, "batch 3 _ _"],
    appearance: Int64[Tensor, "batch"],
    structure: Int64[Tensor, "batch"],
    identities: int,
    *,
    smoothing: float = 0.0,
    teachers: TeacherEnsemble | None = None,
) -> GeneratedLabels:
    """The labels of generated images by a policy.

    Args:
        images: normalized, not augmented: the teacher's input.
        appearance, structure: classes of the two sources, -1 where unknown.
        smoothing: of one-hot labels, as for real images.
        teachers: with the label rule of the policy, for the policies that need them.
    """
    none = torch.full_like(appearance, UNLABELED)
    known = LABEL_POLICIES[policy]
    if policy in ("appearance", "fine_grained"):
        labels = appearance if policy == "appearance" else structure
        return GeneratedLabels(labels, smoothed_labels(labels, identities, smoothing))
    if policy == "unlabeled":
        return GeneratedLabels(none, smoothed_labels(none, identities))
    if policy == "lsro":
        return GeneratedLabels(none, torch.full((len(images), identities), 1 / identities, device=images.device))
    assert teachers is not None and teachers.label_rule == known.teacher_label
    # Class 0 replaces an unknown source (-1), which these labels do not depend on.
    distributions = teachers.label(images, appearance.clamp(min=0), structure.clamp(min=0)).float()
    labels = distributions.argmax(1) if policy == "hard" else appearance
    return GeneratedLabels(labels, distributions)
