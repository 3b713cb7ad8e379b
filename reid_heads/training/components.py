"""The components of a re-ID model's training, from its configuration: batches, losses, optimizers, learning rates."""

from dataclasses import asdict

from torch.optim import SGD, Optimizer

from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.data.cache import ImageCache
from dgnet.data.datasets import training_labels
from dgnet.data.records import Dataset
from dgnet.data.training_data import require_two_identities
from dgnet.models.reid_model import ReIDModel
from reid_heads.config import GeneratedConfig, ReIDConfig
from reid_heads.generated.label_policies import LABEL_POLICIES
from reid_heads.generated.sources import GeneratedSource
from reid_heads.losses.loss_string import parse_loss
from reid_heads.losses.metric_losses import METRIC_LOSSES
from reid_heads.losses.objective import DistillationWeights, Objective
from reid_heads.training.batches import ReIDSource
from reid_heads.training.optimizers import build_optimizer
from reid_heads.training.schedules import parse_decay, warmup_multistep


def reid_source(
    config: ReIDConfig, dataset: Dataset, generated: GeneratedSource | None, distributed: Distributed
) -> ReIDSource:
    """Decode the training images into memory and draw batches from them."""
    require_two_identities(dataset)
    refuse_no_positives(config)
    labels = training_labels(dataset)
    if generated is not None:
        refuse_useless(config)
    return ReIDSource(
        ImageCache([record.path for record in dataset.train]),
        labels,
        config.data,
        config.run.seed,
        generated=generated,
        generated_images=generated_per_batch(config),
        generated_from_epoch=config.generated.start_epoch,
        rank=distributed.rank,
        world_size=distributed.world_size,
    )


def generated_per_batch(config: ReIDConfig) -> int:
    """How many generated images stand beside the P x K real ones of a batch: `generated.share` of all, at least one."""
    real, share = config.data.identities * config.data.images_per_identity, config.generated.share
    return max(1, round(real * share / (1 - share)))


def distillation_weights(config: ReIDConfig) -> DistillationWeights:
    """The weights of the distillation terms."""
    settings = config.distillation
    return DistillationWeights(
        stage_features=settings.stage_features,
        stage_logits=settings.stage_logits,
        stage_cross_entropy=settings.stage_cross_entropy,
        offline_logits=settings.offline_logits,
        offline_similarity=settings.offline_similarity,
    )


def uses_distillation(config: ReIDConfig) -> bool:
    """Whether any distillation term is on."""
    return any(asdict(distillation_weights(config)).values())


def build_objective(config: ReIDConfig, model: ReIDModel) -> Objective:
    """The losses. `UserError` for terms that the model does not offer."""
    return Objective(
        model,
        config.loss.terms,
        margin=config.loss.margin,
        label_smoothing=config.loss.label_smoothing,
        distillation=distillation_weights(config),
        teacher_stage=config.distillation.teacher_stage,
        temperature=config.distillation.temperature,
    )


def build_optimizers(config: ReIDConfig, model: ReIDModel, objective: Objective) -> dict[str, Optimizer]:
    """One for the model ("head"); one for the centers of CenterLoss, where there are any."""
    settings = config.optimizer
    optimizers = {
        "head": build_optimizer(
            settings.name,
            model.parameters(),
            learning_rate=settings.learning_rate,
            weight_decay=settings.weight_decay,
            momentum=settings.momentum,
            amsgrad=settings.amsgrad,
        )
    }
    if centers := list(objective.parameters()):
        optimizers["centers"] = SGD(centers, lr=settings.center_rate)
    return optimizers


def learning_rate(config: ReIDConfig, epoch: int) -> float:
    """The model's rate in `epoch` (from 0)."""
    settings = config.schedule
    return config.optimizer.learning_rate * warmup_multistep(
        epoch, parse_decay(settings.decay), settings.gamma, settings.warmup_epochs, settings.warmup_factor
    )


def describe_unused_schedule(config: ReIDConfig) -> list[str]:
    """What of the schedule lies after the last epoch, a sentence each."""
    settings = config.schedule
    said = []
    if settings.warmup_epochs >= settings.epochs:
        said.append(
            f"the learning rate does not reach optimizer.learning_rate ({config.optimizer.learning_rate:g}): "
            f"schedule.warmup_epochs is {settings.warmup_epochs}, schedule.epochs {settings.epochs}"
        )
    late = [str(epoch) for epoch in parse_decay(settings.decay) if epoch >= settings.epochs]
    if late:
        said.append(
            f"the learning rate does not fall at epoch {' and '.join(late)} (schedule.decay): schedule.epochs is "
            f"{settings.epochs}"
        )
    return said


def is_test_epoch(config: ReIDConfig, epochs_done: int) -> bool:
    """Whether the model is measured after so many epochs: every `test.every`, and after the last."""
    every = config.test.every
    return every > 0 and (epochs_done % every == 0 or epochs_done == config.schedule.epochs)


def refuse_no_positives(config: ReIDConfig) -> None:
    """`UserError` where a metric loss would find no two images of one person in any batch, and be 0 throughout."""
    needy = [term.name for term in parse_loss(config.loss.terms) if term.name in METRIC_LOSSES]
    generated = config.generated.source is not None and config.generated.in_metric
    if needy and config.data.images_per_identity == 1 and not generated:
        raise UserError(
            f"loss.terms: {' and '.join(needy)} need two images of a person in a batch: data.images_per_identity must "
            "be at least 2, got 1"
        )


def refuse_useless(config: ReIDConfig) -> None:
    """`UserError` where generated images would enter no epoch, or losses that cannot use their labels."""
    settings: GeneratedConfig = config.generated
    if settings.start_epoch >= config.schedule.epochs:
        raise UserError(
            f"generated.start_epoch must be below schedule.epochs ({config.schedule.epochs}), got "
            f"{settings.start_epoch}: no epoch would see the generated images"
        )
    if settings.in_metric and not LABEL_POLICIES[settings.label].gives_identity:
        able = ", ".join(name for name, policy in LABEL_POLICIES.items() if policy.gives_identity)
        raise UserError(
            f"generated.in_metric needs a label that gives an identity, generated.label one of {able}, "
            f"not {settings.label!r}"
        )
    if settings.label == "unlabeled" and not uses_distillation(config):
        raise UserError(
            "generated.label=unlabeled enters the distillation terms alone, and all of section distillation are 0"
        )
