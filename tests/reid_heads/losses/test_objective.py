"""The objective puts the terms together: means over classifiers and features, sums over stages, who is left out."""

import pytest
import torch
from torch import Tensor

from dgnet.core.errors import UserError
from dgnet.models.registry import build_model
from dgnet.models.reid_model import ReIDModel, ReIDOutput, StageOutput
from reid_heads.losses.label_smoothing import smoothed_labels
from reid_heads.losses.objective import DistillationWeights, Objective
from tests.reid_heads.losses import slow_losses

pytestmark = pytest.mark.usefixtures("narrow")

IDENTITIES = 4
LABELS = [0, 0, 1, 2, 2]


def random(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def model_of(name: str = "mgn") -> ReIDModel:
    return build_model(name, IDENTITIES, **({"trunk": "resnet18", "features": 8} if name == "mgn" else {}))


def output_of(stages: int = 0) -> ReIDOutput:
    count = len(LABELS)
    return ReIDOutput(
        embedding=random(count, 6, seed=0),
        metric_features=tuple(random(count, 8, seed=seed) for seed in (1, 2, 3)),
        logits=tuple(random(count, IDENTITIES, seed=seed) for seed in (4, 5)),
        feature_map=random(count, 2, 2, 2, seed=6),
        stages=tuple(
            StageOutput(random(count, 8, seed=10 + s).requires_grad_(), random(count, IDENTITIES, seed=20 + s))
            for s in range(stages)
        ),
    )


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def test_terms_weights_and_total() -> None:
    torch.manual_seed(0)
    objective = Objective(model_of(), "1*CrossEntropy+2*Triplet+0.5*CenterLoss", margin=1.2, label_smoothing=0.1)
    output = output_of()
    record = objective(output, torch.tensor(LABELS))
    assert objective.centers is not None
    centers = [c.tolist() for c in objective.centers.centers]
    expected = {
        "CrossEntropy": mean([slow_losses.smoothed_cross_entropy(x.tolist(), LABELS, 0.1) for x in output.logits]),
        "Triplet": mean([slow_losses.triplet(x.tolist(), LABELS, 1.2) for x in output.metric_features]),
        "CenterLoss": mean(
            [slow_losses.center(x.tolist(), LABELS, c) for x, c in zip(output.metric_features, centers, strict=True)]
        ),
    }
    assert {name: term.item() for name, term in record.terms.items()} == pytest.approx(expected, rel=1e-5)
    assert record.weights == {"CrossEntropy": 1, "Triplet": 2, "CenterLoss": 0.5}
    total = expected["CrossEntropy"] + 2 * expected["Triplet"] + 0.5 * expected["CenterLoss"]
    assert record.total().item() == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize(("teacher_stage", "students"), [(2, [0]), (3, [0, 1]), (4, [0, 1, 2])])
def test_the_chosen_stage_teaches_the_shallower_ones(teacher_stage: int, students: list[int]) -> None:
    weights = DistillationWeights(stage_features=0.03, stage_logits=1.0, stage_cross_entropy=1.0)
    objective = Objective(
        model_of("resnet18_kd"),
        "CrossEntropy",
        distillation=weights,
        teacher_stage=teacher_stage,
        temperature=2.0,
    )
    output = output_of(stages=4)
    terms = objective(output, torch.tensor(LABELS)).terms
    teacher = output.stages[teacher_stage - 1]
    distances = [torch.dist(output.stages[s].feature, teacher.feature).item() for s in students]
    assert terms["stage_features"].item() == pytest.approx(sum(distances), rel=1e-5)
    soft = [slow_losses.divergence(output.stages[s].logits.tolist(), teacher.logits.tolist(), 2.0) for s in students]
    assert terms["stage_logits"].item() == pytest.approx(sum(soft), rel=1e-4)
    # Branches up to the teacher's learn the labels; stage 4 has the head's classifier.
    learning = sorted({*students, min(teacher_stage, 3) - 1})
    named = [slow_losses.smoothed_cross_entropy(output.stages[s].logits.tolist(), LABELS, 0.0) for s in learning]
    assert terms["stage_cross_entropy"].item() == pytest.approx(sum(named), rel=1e-5)
    terms["stage_features"].backward()
    assert [s for s in range(4) if output.stages[s].feature.grad is not None] == students


def test_unlabeled_images_and_those_kept_out_of_metric_losses() -> None:
    objective = Objective(model_of(), "CrossEntropy+Triplet", margin=3.0)
    output, labels = output_of(), torch.tensor([0, -1, 1, 2, 2])
    terms = objective(output, labels, in_metric=torch.tensor([True, False, True, True, False])).terms
    rows = [[x[i] for i in (0, 2, 3)] for x in (feature.tolist() for feature in output.metric_features)]
    assert terms["Triplet"].item() == pytest.approx(
        mean([slow_losses.triplet(x, [0, 1, 2], 3.0) for x in rows]), rel=1e-5
    )
    named = mean([slow_losses.smoothed_cross_entropy(x.tolist(), labels.tolist(), 0.0) for x in output.logits])
    assert terms["CrossEntropy"].item() == pytest.approx(named, rel=1e-5)


def test_a_batch_without_labels_teaches_nothing_and_breaks_nothing() -> None:
    objective = Objective(model_of(), "CrossEntropy+Triplet+MSMLoss+SoftTriplet+CenterLoss")
    output = output_of()._replace(
        metric_features=tuple(random(len(LABELS), 8, seed=1).requires_grad_() for _ in range(3))
    )
    record = objective(output, torch.full((len(LABELS),), -1))
    record.total().backward()
    assert all(term.item() == 0 for term in record.terms.values())


def test_given_distributions_take_the_place_of_labels() -> None:
    objective = Objective(model_of(), "CrossEntropy", label_smoothing=0.1)
    output, labels = output_of(), torch.tensor(LABELS)
    distributions = smoothed_labels(labels, IDENTITIES)
    distributions[1] = torch.tensor([0.7, 0.1, 0.1, 0.1])
    expected = mean([-(x.log_softmax(1) * distributions).sum(1).mean().item() for x in output.logits])
    given = objective(output, labels, distributions=distributions).terms["CrossEntropy"].item()
    assert given == pytest.approx(expected, rel=1e-5)
    assert given != pytest.approx(objective(output, labels).terms["CrossEntropy"].item(), rel=1e-3)


def test_a_frozen_teacher_of_another_architecture() -> None:
    weights = DistillationWeights(offline_logits=0.5, offline_similarity=2.0)
    objective = Objective(model_of(), "CrossEntropy", distillation=weights, temperature=3.0)
    output = output_of()
    teacher = output._replace(
        embedding=random(len(LABELS), 17, seed=30), logits=(random(len(LABELS), IDENTITIES, seed=31),)
    )
    terms = objective(output, torch.tensor(LABELS), teacher=teacher).terms
    soft = [slow_losses.divergence(x.tolist(), teacher.logits[0].tolist(), 3.0) for x in output.logits]
    assert terms["offline_logits"].item() == pytest.approx(mean(soft), rel=1e-4)
    alike = slow_losses.similarity(output.embedding.tolist(), teacher.embedding.tolist())
    assert terms["offline_similarity"].item() == pytest.approx(alike, rel=1e-5)
    with pytest.raises(ValueError, match="frozen teacher"):
        objective(output, torch.tensor(LABELS))


def test_what_cannot_be_distilled_is_refused() -> None:
    with pytest.raises(UserError, match="'resnet18' has no stages"):
        Objective(model_of("resnet18"), "CrossEntropy", distillation=DistillationWeights(stage_features=0.03))
    with pytest.raises(UserError, match="2, 3 or 4, got 1"):
        Objective(model_of(), "CrossEntropy", teacher_stage=1)
    with pytest.raises(UserError, match="stage_cross_entropy"):
        Objective(model_of("resnet18_kd"), "CrossEntropy", distillation=DistillationWeights(stage_logits=1.0))
