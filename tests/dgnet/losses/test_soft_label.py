"""The label of a generated image between its two sources."""

import torch

from dgnet.losses.soft_label import soft_label_loss, teacher_label

APPEARANCE, STRUCTURE = torch.tensor([0, 1, 2, 0]), torch.tensor([1, 2, 2, 2])


def test_what_the_teacher_gives_neither_source_they_share() -> None:
    """The quotient of the official code where there is one, bit for bit; a finite loss where it is 0 / 0."""
    logits = torch.tensor([[3.0, 1.0, 0.5], [800.0, 0.0, 0.0], [800.0, 0.0, 0.0], [0.1, 0.0, -790.0]]).double()
    prediction = logits.softmax(1)
    label = teacher_label("soft_between", prediction, APPEARANCE, STRUCTURE, 3)
    expected = prediction[0, :2] / prediction[0, :2].sum()
    assert torch.equal(label[0], torch.cat([expected, torch.zeros(1).double()]))
    assert label[1:].tolist() == [[0.0, 0.5, 0.5], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    assert soft_label_loss(torch.randn(4, 3).double(), label).isfinite().all()


def test_a_teacher_that_gives_no_number_is_not_hidden() -> None:
    prediction = torch.full((4, 3), float("nan")).double()
    assert teacher_label("soft_between", prediction, APPEARANCE, STRUCTURE, 3)[0].isnan().any()
