"""Every loss against a slow oracle, on any mixture of images per identity, and at its edges."""

import pytest
import torch
from torch import Tensor

from reid_heads.losses.center import Centers, center_loss, scale_gradient
from reid_heads.losses.distillation import feature_distance, logit_divergence, similarity_distance
from reid_heads.losses.label_smoothing import smoothed_labels, soft_cross_entropy
from reid_heads.losses.msml import margin_sample_mining_loss
from reid_heads.losses.triplet import soft_margin_triplet_loss, triplet_loss
from tests.reid_heads.losses import slow_losses

# Pairs, a singleton, many of one, one identity only, singletons only, one image.
MIXTURES = [[0, 0, 1, 1], [0, 0, 0, 1, 2, 2], [7] * 5 + [3], [4, 4, 4], [0, 1, 2], [9]]


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("labels", MIXTURES)
@pytest.mark.parametrize("margin", [0.3, 3.0])
def test_metric_losses_equal_the_oracles(labels: list[int], margin: float) -> None:
    features, known = numbers(len(labels), 5).requires_grad_(), torch.tensor(labels)
    rows = features.tolist()
    losses = {
        triplet_loss(features, known, margin): slow_losses.triplet(rows, labels, margin),
        soft_margin_triplet_loss(features, known): slow_losses.soft_triplet(rows, labels),
        margin_sample_mining_loss(features, known, margin): slow_losses.mined(rows, labels, margin),
    }
    for ours, expected in losses.items():
        assert ours.item() == pytest.approx(expected, rel=1e-10, abs=1e-12)
        (gradient,) = torch.autograd.grad(ours, features)
        assert gradient.isfinite().all()
        if len(set(labels)) == 1:
            assert ours.item() == 0
            assert not gradient.any()


def test_the_oracles_tell_the_hardest_from_others() -> None:
    features, labels = numbers(6, 5), torch.tensor([0, 0, 0, 1, 1, 1])
    distances = torch.cdist(features, features)
    same = labels[:, None] == labels
    easiest = distances.masked_fill(same, 0).amax(1)
    wrong = (distances.masked_fill(~same, 0).amax(1) - easiest + 3).relu().mean()
    assert slow_losses.triplet(features.tolist(), labels.tolist(), 3.0) != pytest.approx(wrong.item(), rel=1e-3)


def test_equal_features_give_the_margin_and_a_finite_gradient() -> None:
    features = torch.ones(4, 3, requires_grad=True)
    loss = triplet_loss(features, torch.tensor([0, 0, 1, 1]), 0.3)
    loss.backward()
    assert loss.item() == pytest.approx(0.3)
    assert features.grad is not None
    assert features.grad.isfinite().all()


def test_metric_losses_do_not_depend_on_the_order_of_images() -> None:
    features, labels = numbers(6, 5), torch.tensor([0, 0, 0, 1, 2, 2])
    order = torch.tensor([4, 2, 0, 5, 1, 3])
    for loss in (triplet_loss, margin_sample_mining_loss):
        assert torch.allclose(loss(features, labels, 2.0), loss(features[order], labels[order], 2.0))


def test_close_pairs_survive_half_precision() -> None:
    features = torch.tensor([[100.0, 0.0], [100.25, 0.0], [0.0, 0.0]]).bfloat16()
    loss = triplet_loss(features, torch.tensor([0, 1, 2]), 1.0)
    assert loss.dtype == torch.float32
    first, second = features[:2, 0].float().tolist()
    assert loss.item() == pytest.approx(2 * (1 - (second - first)) / 3)


def test_center_loss_equals_the_oracle_and_unweights_the_centers() -> None:
    labels = [0, 2, 2, 1]
    features, known = numbers(4, 5).requires_grad_(), torch.tensor(labels)
    weight = 5e-4
    centers = Centers(4, (5,), weight).double()
    loss = centers((features,), known)
    rows = centers.centers[0].tolist()
    assert loss.item() == pytest.approx(slow_losses.center(features.tolist(), labels, rows), rel=1e-12)
    (weight * loss).backward()
    # The features learn with the weight, the centers as if it were 1.
    plain = centers.centers[0].detach().requires_grad_()
    wanted_features, wanted_centers = torch.autograd.grad(center_loss(features, known, plain), (features, plain))
    assert features.grad is not None
    assert torch.allclose(features.grad, weight * wanted_features)
    assert torch.allclose(centers.centers[0].grad, wanted_centers)
    assert not centers.centers[0].grad[3].any()


def test_scaled_gradient_keeps_the_value() -> None:
    x = torch.tensor([2.0], requires_grad=True)
    y = scale_gradient(x, 10.0)
    y.backward()
    assert (y.item(), x.grad.item() if x.grad is not None else None) == (2, 10)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("labels", [[0, 2, 1, 1], [0, -1, -1, 3]])
def test_smoothed_cross_entropy_equals_the_oracle(smoothing: float, labels: list[int]) -> None:
    logits = numbers(4, 6)
    distribution = smoothed_labels(torch.tensor(labels), 6, smoothing)
    ours = soft_cross_entropy(logits, distribution.double()).item()
    assert ours == pytest.approx(slow_losses.smoothed_cross_entropy(logits.tolist(), labels, smoothing), rel=1e-6)
    other = slow_losses.smoothed_cross_entropy(logits.tolist(), labels, smoothing + 0.1)
    assert ours != pytest.approx(other, rel=1e-3)


def test_cross_entropy_of_unlabeled_images_is_nothing() -> None:
    logits = numbers(2, 6).requires_grad_()
    loss = soft_cross_entropy(logits, smoothed_labels(torch.tensor([-1, -1]), 6, 0.1))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


def test_distillation_equals_the_oracles_and_teaches_one_way() -> None:
    student, teacher = numbers(4, 6).requires_grad_(), numbers(4, 6, seed=1).requires_grad_()
    wide = numbers(4, 9, seed=2).requires_grad_()
    rows = student.tolist()
    losses = {
        feature_distance(student, teacher): sum(
            slow_losses.distance(a, b) ** 2 for a, b in zip(rows, teacher.tolist(), strict=True)
        )
        ** 0.5,
        logit_divergence(student, teacher, 4.0): slow_losses.divergence(rows, teacher.tolist(), 4.0),
        similarity_distance(student, wide): slow_losses.similarity(rows, wide.tolist()),
    }
    for ours, expected in losses.items():
        assert ours.item() == pytest.approx(expected, rel=1e-10)
        own, theirs, widest = torch.autograd.grad(ours, (student, teacher, wide), allow_unused=True)
        assert own.any()
        assert theirs is None
        assert widest is None


def test_a_student_like_its_teacher_has_nothing_to_learn() -> None:
    x = numbers(3, 4).requires_grad_()
    for loss in (feature_distance(x, x), logit_divergence(x, x, 2.0), similarity_distance(x, 3 * x)):
        (gradient,) = torch.autograd.grad(loss, x)
        assert loss.item() == pytest.approx(0, abs=1e-12)
        assert gradient.abs().max() < 1e-12
