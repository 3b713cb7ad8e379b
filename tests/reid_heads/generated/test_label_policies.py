"""What each label policy says, from the two sources and a teacher whose answer is known."""

from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from dgnet.losses.soft_label import TeacherLabel
from dgnet.models.reid_model import ReIDOutput
from dgnet.training.teacher_ensemble import TeacherEnsemble
from reid_heads.generated.label_policies import LABEL_POLICIES, LabelPolicyName, generated_labels

IDENTITIES = 4
APPEARANCE, STRUCTURE = torch.tensor([1, 2]), torch.tensor([3, 0])
PREDICTION = torch.tensor([[0.1, 0.2, 0.4, 0.3], [0.4, 0.3, 0.2, 0.1]])


class Knowing(nn.Module):
    """A teacher that answers the same to every batch of two."""

    def forward(self, images: Tensor) -> ReIDOutput:
        logits = PREDICTION.log().repeat(len(images) // 2, 1)
        return ReIDOutput(torch.zeros(len(images), 1), (), (logits,), images)


def told(policy: LabelPolicyName, smoothing: float = 0.0) -> tuple[list[int], Tensor]:
    label = LABEL_POLICIES[policy].teacher_label
    teachers = None
    if LABEL_POLICIES[policy].needs_teacher:
        assert label is not None
        teachers = TeacherEnsemble([Knowing()], label, False, IDENTITIES)
    images = torch.zeros(2, 3, 8, 4)
    found = generated_labels(policy, images, APPEARANCE, STRUCTURE, IDENTITIES, smoothing=smoothing, teachers=teachers)
    return found.labels.tolist(), found.distributions


@pytest.mark.parametrize(
    ("policy", "labels", "rows"),
    [
        ("appearance", [1, 2], [[0, 1, 0, 0], [0, 0, 1, 0]]),
        ("fine_grained", [3, 0], [[0, 0, 0, 1], [1, 0, 0, 0]]),
        ("soft", [1, 2], PREDICTION.tolist()),
        ("hard", [2, 0], [[0, 0, 1, 0], [1, 0, 0, 0]]),
        ("soft_between", [1, 2], [[0, 0.4, 0, 0.6], [2 / 3, 0, 1 / 3, 0]]),
        ("lsro", [-1, -1], [[0.25] * 4] * 2),
        ("unlabeled", [-1, -1], [[0.0] * 4] * 2),
    ],
)
def test_what_is_said(policy: LabelPolicyName, labels: list[int], rows: list[list[float]]) -> None:
    found, distributions = told(policy)
    assert found == labels
    assert torch.allclose(distributions, torch.tensor(rows, dtype=torch.float32), atol=1e-6)


def test_one_hot_labels_are_smoothed_as_those_of_real_images() -> None:
    for policy in LABEL_POLICIES:
        moved = not torch.equal(told(policy)[1], told(policy, smoothing=0.2)[1])
        assert moved == (policy in ("appearance", "fine_grained")), policy
    assert torch.allclose(told("appearance", 0.2)[1][0], torch.tensor([0.05, 0.85, 0.05, 0.05]))


def test_every_policy_says_what_it_means() -> None:
    assert all(len(policy.meaning) > 20 for policy in LABEL_POLICIES.values())
    assert {policy.teacher_label for policy in LABEL_POLICIES.values()} == {*get_args(TeacherLabel), None}
