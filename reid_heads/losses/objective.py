"""A re-ID model's output and the labels -> every loss term by name, its weight, and the total."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from dgnet.core.device_copies import to_device
from dgnet.core.errors import UserError
from dgnet.models.reid_model import ReIDModel, ReIDOutput
from reid_heads.losses.center import Centers
from reid_heads.losses.distillation import feature_distance, logit_divergence, similarity_distance
from reid_heads.losses.label_smoothing import UNLABELED, smoothed_labels, soft_cross_entropy
from reid_heads.losses.loss_string import parse_loss
from reid_heads.losses.metric_losses import METRIC_LOSSES, MetricLoss


@dataclass(frozen=True)
class DistillationWeights:
    """Weights of the distillation terms; a term of weight 0 is not computed.

    Between the stages of one network (self-distillation, models named `..._kd`): `stage_features` (the source's
    `feature_loss_coefficient`, 0.03 there), `stage_logits`, and `stage_cross_entropy`, which trains the branches'
    classifiers themselves. From a frozen teacher: `offline_logits` (same identities) and `offline_similarity`.
    """

    stage_features: float = 0.0
    stage_logits: float = 0.0
    stage_cross_entropy: float = 0.0
    offline_logits: float = 0.0
    offline_similarity: float = 0.0


@dataclass(frozen=True)
class LossRecord:
    """Every term unweighted (scalars), and the weights of the same names."""

    terms: dict[str, Tensor]
    weights: dict[str, float]

    def total(self) -> Tensor:
        """The weighted sum: what goes backward."""
        return torch.stack([self.weights[name] * term for name, term in self.terms.items()]).sum()


class Objective(nn.Module):
    """The loss of a re-ID model's training. Its parameters are the centers of `CenterLoss`, if the string names it.

    Args:
        model: only its identities, sizes and stages are read.
        loss: such as `1*CrossEntropy+2*Triplet+0.005*CenterLoss` (`reid_heads.losses.loss_string`). Cross-entropy is
            averaged over the model's classifiers, the others over its metric features.
        margin: of Triplet and MSMLoss, in units of distance.
        label_smoothing: share (0..1) of each label that is spread over all identities.
        teacher_stage: the stage (2, 3 or 4) that teaches the shallower ones.
        temperature: of every logit distillation.
    """

    def __init__(
        self,
        model: ReIDModel,
        loss: str,
        *,
        margin: float = 0.3,
        label_smoothing: float = 0.0,
        distillation: DistillationWeights | None = None,
        teacher_stage: int = 3,
        temperature: float = 4.0,
    ) -> None:
        super().__init__()
        if teacher_stage not in (2, 3, 4):
            raise UserError(f"teacher_stage must be 2, 3 or 4, got {teacher_stage}")
        distillation = distillation or DistillationWeights()
        if distillation.stage_logits and teacher_stage < 4 and not distillation.stage_cross_entropy:
            raise UserError(
                f"logits of stage {teacher_stage} can teach only if its classifier is trained: set stage_cross_entropy "
                "above 0, or teacher_stage to 4"
            )
        weights = {name: weight for name, weight in asdict(distillation).items() if weight > 0}
        if any(name.startswith("stage_") for name in weights) and not model.distillation_stages:
            raise UserError(f"the model {model.name!r} has no stages to distill between; take one named ..._kd")
        self.identities = model.identities
        self.margin = margin
        self.label_smoothing = label_smoothing
        self.teacher_stage = teacher_stage
        self.temperature = temperature
        terms = parse_loss(loss)
        self.weights: dict[str, float] = {term.name: term.weight for term in terms}
        self.weights |= weights
        self.centers = None
        if "CenterLoss" in self.weights:
            self.centers = Centers(model.identities, model.metric_sizes, self.weights["CenterLoss"])

    def forward(
        self,
        output: ReIDOutput,
        labels: Int64[Tensor, "batch"],
        *,
        distributions: Float[Tensor, "batch identity"] | None = None,
        in_metric: Bool[Tensor, "batch"] | None = None,
        teacher: ReIDOutput | None = None,
    ) -> LossRecord:
        """All terms of a batch.

        Args:
            labels: positions of the identities. Images with -1 do not enter the metric losses; they enter cross-entropy
                if they have a row in `distributions`, and the distillation terms.
            distributions: the targets of cross-entropy, where they are not the (smoothed) labels: rows sum to 1, or are
                0 where an image has no label. `smoothed_labels` gives the rows of ordinary images.
            in_metric: which images, all of them labeled, enter the metric losses; on the CPU, so that no GPU is waited
                for. By default those with a label.
            teacher: a frozen teacher's output for the same images, for the `offline_...` terms.
        """
        if distributions is None:
            distributions = smoothed_labels(labels, self.identities, self.label_smoothing)
        chosen = _chosen(labels, in_metric)
        features, metric_labels = tuple(feature[chosen] for feature in output.metric_features), labels[chosen]
        terms: dict[str, Tensor] = {}
        for name in self.weights:
            if name == "CrossEntropy":
                terms[name] = _mean(soft_cross_entropy(logits, distributions) for logits in output.logits)
            elif name in METRIC_LOSSES:
                terms[name] = self._metric(METRIC_LOSSES[name], features, metric_labels)
            elif name == "CenterLoss":
                assert self.centers is not None
                terms[name] = self.centers(features, metric_labels) if len(metric_labels) else _nothing(features)
            elif name.startswith("stage_"):
                terms[name] = self._between_stages(name, output, distributions)
            else:
                terms[name] = self._from_teacher(name, output, teacher)
        return LossRecord(terms, self.weights)

    def _metric(self, loss: MetricLoss, features: tuple[Tensor, ...], labels: Tensor) -> Tensor:
        if len(labels) == 0:
            return _nothing(features)
        return _mean(loss(feature, labels, self.margin) for feature in features)

    def _between_stages(self, name: str, output: ReIDOutput, distributions: Tensor) -> Tensor:
        """The sum over the taught stages."""
        teacher, students = output.stages[self.teacher_stage - 1], output.stages[: self.teacher_stage - 1]
        if name == "stage_features":
            losses = [feature_distance(student.feature, teacher.feature) for student in students]
        elif name == "stage_logits":
            losses = [logit_divergence(student.logits, teacher.logits, self.temperature) for student in students]
        else:
            # The last stage's classifier is the model's own.
            branches = output.stages[: min(self.teacher_stage, len(output.stages) - 1)]
            losses = [soft_cross_entropy(branch.logits, distributions) for branch in branches]
        return torch.stack(losses).sum()

    def _from_teacher(self, name: str, output: ReIDOutput, teacher: ReIDOutput | None) -> Tensor:
        if teacher is None:
            raise ValueError(f"the loss term {name} needs the output of a frozen teacher")
        if name == "offline_similarity":
            return similarity_distance(output.embedding, teacher.embedding)
        return _mean(logit_divergence(logits, teacher.mean_logits, self.temperature) for logits in output.logits)


def _chosen(labels: Tensor, in_metric: Tensor | None) -> slice | Tensor:
    """The places of the images in the metric losses, as an index."""
    mask = (labels != UNLABELED if in_metric is None else in_metric).cpu()
    return slice(None) if mask.all() else to_device(mask.nonzero()[:, 0], labels.device)


def _mean(losses: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(losses)).mean()


def _nothing(features: tuple[Tensor, ...]) -> Tensor:
    """0 with a graph: no image enters this loss."""
    return torch.stack([feature.sum() for feature in features]).sum()
