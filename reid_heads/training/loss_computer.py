"""One batch -> what the head learns from it: its images, its labels, its teachers' answers, its losses."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from dgnet.core import pixels
from dgnet.core.device import Precision
from dgnet.core.errors import UserError
from dgnet.data.records import Dataset
from dgnet.models.frozen import evaluating
from dgnet.models.model_file import StoredModel
from dgnet.models.pretrained import read_model
from dgnet.models.reid_model import ReIDModel, ReIDOutput, StageOutput
from dgnet.training.teacher import load_teachers
from dgnet.training.teacher_ensemble import TeacherEnsemble
from reid_heads.config import DistillationConfig, GeneratedConfig, ReIDConfig
from reid_heads.generated.label_policies import POLICIES, generated_labels
from reid_heads.losses.label_smoothing import smoothed_labels
from reid_heads.losses.objective import LossRecord, Objective
from reid_heads.training.batches import Augmented, ReIDBatch, ReIDSource


class Example(NamedTuple):
    """What the head sees of a batch: real images first, then generated ones.

    `labels` -1 and rows of `distributions` of 0 are images without a label (see `reid_heads.losses.objective`).
    """

    images: Float[Tensor, "batch 3 height width"]
    labels: Int64[Tensor, "batch"]
    distributions: Float[Tensor, "batch identity"]
    in_metric: Bool[Tensor, "batch"]
    real: int


@dataclass(frozen=True)
class Answer:
    """The loss terms of a batch and the share (0..1) of its real images that the head names right."""

    losses: LossRecord
    accuracy: Tensor


class Instruction:
    """Reads batches to a head.

    Args:
        teaching: the teachers of generated images, for the label policies that ask them.
        expert: a frozen head for the offline distillation terms.
    """

    def __init__(
        self,
        config: ReIDConfig,
        head: ReIDModel,
        objective: Objective,
        source: ReIDSource,
        precision: Precision,
        teaching: TeacherEnsemble | None = None,
        expert: StoredModel | None = None,
    ) -> None:
        self.config, self.head, self.objective = config, head, objective
        self.source, self.precision = source, precision
        self.teaching, self.expert = teaching, expert

    def __call__(self, batch: ReIDBatch, iteration: int) -> Answer:
        """The losses of the batch of `iteration` (from 0), with their graph."""
        with self.precision.autocast():
            example = self.example(batch, iteration)
            expert = self.ask_expert(example.images)
            output = self.head(example.images)
        output = in_full_precision(output)
        losses = self.objective(
            output, example.labels, distributions=example.distributions, in_metric=example.in_metric, teacher=expert
        )
        named = torch.stack(output.logits)[:, : example.real].mean(0).argmax(1)
        return Answer(losses, (named == example.labels[: example.real]).float().mean())

    def example(self, batch: ReIDBatch, iteration: int) -> Example:
        """Real and generated images with what is said of each."""
        device, smoothing = self.precision.device, self.config.loss.label_smoothing
        labels = batch.labels.to(device)
        images = blanked(batch.real)
        real = Example(
            images,
            labels,
            smoothed_labels(labels, self.head.identities, smoothing),
            torch.ones_like(labels, dtype=torch.bool),
            len(labels),
        )
        made = self.source.swapped(batch, iteration)
        if made is None:
            return real
        settings = self.config.generated
        augmented = self.source.augment_generated(made, iteration)
        told = generated_labels(
            settings.label,
            pixels.normalize(made.images.to(device)),
            made.appearance.to(device),
            made.structure.to(device),
            self.head.identities,
            smoothing=smoothing,
            teaching=self.teaching,
        )
        seen = blanked(Augmented(augmented.images.to(device), augmented.erased.to(device)))
        return Example(
            torch.cat([real.images, seen]),
            torch.cat([labels, told.labels]),
            torch.cat([real.distributions, settings.weight * told.distributions]),
            torch.cat([real.in_metric, torch.full_like(told.labels, settings.in_metric, dtype=torch.bool)]),
            real.real,
        )

    @torch.no_grad()
    def ask_expert(self, images: Float[Tensor, "batch 3 height width"]) -> ReIDOutput | None:
        """What the frozen head says of the same images, at the size that it was trained at."""
        if self.expert is None:
            return None
        with evaluating(self.expert.network):
            return in_full_precision(self.expert.network(at_size(images, self.expert.height, self.expert.width)))


class TeacherAtItsSize(nn.Module):
    """A teacher of generated images that sees any at the size that it was trained at."""

    def __init__(self, stored: StoredModel) -> None:
        super().__init__()
        self.network, self.height, self.width = stored.network, stored.height, stored.width

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> ReIDOutput:
        output: ReIDOutput = self.network(at_size(images, self.height, self.width))
        return output


def at_size(images: Float[Tensor, "batch 3 _h _w"], height: int, width: int) -> Float[Tensor, "batch 3 height width"]:
    """Normalized images as a network of that size wants them."""
    if images.shape[2:] == (height, width):
        return images
    return F.interpolate(images, size=(height, width), mode="bilinear", antialias=True)


def blanked(images: Augmented) -> Float[Tensor, "batch 3 height width"]:
    """Normalized images; what is erased has the ImageNet mean."""
    return pixels.normalize(images.images).masked_fill(images.erased, 0.0)


def in_full_precision(output: ReIDOutput) -> ReIDOutput:
    """The output with at least float32 numbers: what autocast made small loses too much in distances and sums."""

    def wide(x: Tensor) -> Tensor:
        return x if x.dtype.itemsize >= 4 else x.float()

    return ReIDOutput(
        wide(output.embedding),
        tuple(map(wide, output.metric_features)),
        tuple(map(wide, output.logits)),
        output.feature_map,
        tuple(StageOutput(wide(stage.feature), wide(stage.logits)) for stage in output.stages),
    )


def open_expert(config: DistillationConfig, dataset: Dataset, device: torch.device) -> StoredModel | None:
    """The frozen head of the offline terms, None where they are off.

    Raises:
        UserError: the terms are on without a teacher or the other way round, its file is none, or it knows other
            identities than the data set while it should pass on its logits.
    """
    asked = config.offline_logits > 0 or config.offline_similarity > 0
    if asked != (config.teacher is not None):
        raise UserError(
            "distillation.teacher goes with distillation.offline_logits or distillation.offline_similarity above 0, "
            f"got {config.teacher} with {config.offline_logits:g} and {config.offline_similarity:g}"
        )
    if config.teacher is None:
        return None
    expert = read_model(config.teacher, device=device)
    count = len(dataset.identities)
    known = expert.identities or (dataset.identities if expert.network.identities == count else ())
    if config.offline_logits > 0 and known != dataset.identities:
        raise UserError(
            f"{config.teacher}: this head knows {expert.network.identities} identities, not the {count} of "
            f"{dataset.root}, and its logits cannot teach; distillation.offline_similarity can"
        )
    return expert


def open_teaching(config: GeneratedConfig, dataset: Dataset, device: torch.device) -> TeacherEnsemble | None:
    """The teachers that the label policy asks, None where it asks none.

    Raises:
        UserError: the policy asks a teacher and none is named, or a teacher does not know the data set's identities.
    """
    policy = POLICIES[config.label]
    if config.source is None or not policy.asks_teacher:
        return None
    if not config.teacher:
        raise UserError(
            f"generated.label={config.label} asks a teacher: name files of tools/train_teacher.py in generated.teacher"
        )
    assert policy.style is not None
    teachers = [TeacherAtItsSize(stored) for stored in load_teachers(config.teacher, dataset, device)]
    return TeacherEnsemble(teachers, policy.style, False, len(dataset.identities))
