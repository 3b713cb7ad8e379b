"""One batch -> its losses: images and labels, real and generated, and the outputs of the teachers."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from dgnet.core import pixels
from dgnet.core.device import Precision
from dgnet.core.device_copies import to_device
from dgnet.models.frozen import evaluating
from dgnet.models.model_file import StoredModel
from dgnet.models.reid_model import ReIDModel, ReIDOutput, StageOutput
from dgnet.training.teacher_ensemble import TeacherEnsemble
from reid_heads.config import ReIDConfig
from reid_heads.generated.label_policies import generated_labels, labeled
from reid_heads.losses.label_smoothing import smoothed_labels
from reid_heads.losses.objective import LossRecord, Objective
from reid_heads.training.batches import Augmented, ReIDBatch, ReIDSource
from reid_heads.training.teachers import resized


class TrainingBatch(NamedTuple):
    """The model's input and targets for a batch: real images first, then generated ones.

    `labels` -1 and rows of `distributions` of 0 are images without a label, `in_metric` (on the CPU) those that enter
    the metric losses (see `reid_heads.losses.objective`); `real` is the number of real images.
    """

    images: Float[Tensor, "batch 3 height width"]
    labels: Int64[Tensor, "batch"]
    distributions: Float[Tensor, "batch identity"]
    in_metric: Bool[Tensor, "batch"]
    real: int


@dataclass(frozen=True)
class StepOutput:
    """The loss terms of a batch, and the share (0..1) of its real images that the model classifies correctly."""

    losses: LossRecord
    accuracy: Tensor


class LossComputer:
    """The losses of a model on a batch.

    Args:
        label_teachers: label the generated images, for the label policies that need teachers.
        distillation_teacher: a frozen model for the offline distillation terms.
    """

    def __init__(
        self,
        config: ReIDConfig,
        model: ReIDModel,
        objective: Objective,
        source: ReIDSource,
        precision: Precision,
        label_teachers: TeacherEnsemble | None = None,
        distillation_teacher: StoredModel | None = None,
    ) -> None:
        self.config, self.model, self.objective = config, model, objective
        self.source, self.precision = source, precision
        self.label_teachers, self.distillation_teacher = label_teachers, distillation_teacher

    def __call__(self, batch: ReIDBatch, iteration: int) -> StepOutput:
        """The losses of the batch of `iteration` (from 0), with their graph."""
        with self.precision.autocast():
            training_batch = self.training_batch(batch, iteration)
            teacher = self.distillation_targets(training_batch.images)
            output = self.model(training_batch.images)
        output = in_full_precision(output)
        losses = self.objective(
            output,
            training_batch.labels,
            distributions=training_batch.distributions,
            in_metric=training_batch.in_metric,
            teacher=teacher,
        )
        real = training_batch.real
        predicted = torch.stack(output.logits)[:, :real].mean(0).argmax(1)
        return StepOutput(losses, (predicted == training_batch.labels[:real]).float().mean())

    def training_batch(self, batch: ReIDBatch, iteration: int) -> TrainingBatch:
        """Real and generated images with their labels."""
        device, smoothing = self.precision.device, self.config.loss.label_smoothing
        labels = to_device(batch.labels, device)
        images = normalized(batch.real)
        real = TrainingBatch(
            images,
            labels,
            smoothed_labels(labels, self.model.identities, smoothing),
            torch.ones(len(labels), dtype=torch.bool),
            len(labels),
        )
        generated = self.source.swapped(batch, iteration)
        if generated is None:
            return real
        settings = self.config.generated
        augmented = self.source.augment_generated(generated, iteration)
        targets = generated_labels(
            settings.label,
            pixels.normalize(to_device(generated.images, device)),
            to_device(generated.appearance, device),
            to_device(generated.structure, device),
            self.model.identities,
            smoothing=smoothing,
            teachers=self.label_teachers,
        )
        augmented = Augmented(to_device(augmented.images, device), to_device(augmented.erased, device))
        in_metric = labeled(settings.label, generated.appearance, generated.structure) & settings.in_metric
        return TrainingBatch(
            torch.cat([real.images, normalized(augmented)]),
            torch.cat([labels, targets.labels]),
            torch.cat([real.distributions, settings.weight * targets.distributions]),
            torch.cat([real.in_metric, in_metric]),
            real.real,
        )

    @torch.no_grad()
    def distillation_targets(self, images: Float[Tensor, "batch 3 height width"]) -> ReIDOutput | None:
        """The frozen teacher's output for the same images, at the size of its training; None without a teacher."""
        teacher = self.distillation_teacher
        if teacher is None:
            return None
        with evaluating(teacher.network):
            return in_full_precision(teacher.network(resized(images, teacher.height, teacher.width)))


def normalized(images: Augmented) -> Float[Tensor, "batch 3 height width"]:
    """Normalized images; erased rectangles have the ImageNet mean, 0."""
    return pixels.normalize(images.images).masked_fill(images.erased, 0.0)


def in_full_precision(output: ReIDOutput) -> ReIDOutput:
    """The output in float32 at least: autocast's half precision is too coarse for distances and sums."""

    def widened(x: Tensor) -> Tensor:
        return x if x.dtype.itemsize >= 4 else x.float()

    return ReIDOutput(
        widened(output.embedding),
        tuple(map(widened, output.metric_features)),
        tuple(map(widened, output.logits)),
        output.feature_map,
        tuple(StageOutput(widened(stage.feature), widened(stage.logits)) for stage in output.stages),
    )
