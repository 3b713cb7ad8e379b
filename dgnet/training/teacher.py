"""The teacher, a re-ID model trained with cross-entropy on real images: its training and its file."""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from dgnet.config import Config
from dgnet.config.networks import TeacherConfig
from dgnet.core import pixels
from dgnet.core.device import Precision
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.core.numerics import set_training_numerics
from dgnet.data.pairs import PairBatch
from dgnet.data.records import Dataset
from dgnet.data.training_data import pair_source, require_batch
from dgnet.models.build import build_teacher
from dgnet.models.model_file import StoredModel, read_model_file, save_model
from dgnet.models.people import other_people, require_initial_people
from dgnet.models.reid_model import ReIDModel, ReIDOutput
from dgnet.runs.resume import warn_of_initial_images, warn_of_other_images
from dgnet.runs.run import Run
from dgnet.training.task import StepLog, TrainingPlan, TrainingTask
from dgnet.training.training_loop import run_training

TRAINING_KIND = "training state of a dgnet teacher"
TEACHER_FILE = "teacher.pth"
# A pair batch holds four images per anchor: a, b and their positives. The teacher takes them as four plain images.
ROLES = 4
WARM_UP = 0.05
_log = logging.getLogger(__name__)


def rate_factor(progress: float) -> float:
    """Learning-rate factor at `progress` 0..1: linear warm-up over the first twentieth, then half a cosine to 0."""
    if progress < WARM_UP:
        return (progress + 0.01) / (WARM_UP + 0.01)
    return 0.5 * (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP)))


class TeacherTask(TrainingTask[PairBatch]):
    """The teacher's training as the training loop needs it: SGD on the identities of real images."""

    kind = TRAINING_KIND

    def __init__(self, teacher: ReIDModel, config: Config, iterations: int, distributed: Distributed) -> None:
        layout = torch.channels_last if config.run.channels_last else torch.contiguous_format
        self.teacher, self.settings = teacher.to(memory_format=layout), config.teacher
        self.iterations, self.distributed = iterations, distributed
        self.networks = {"teacher": teacher}
        self.optimizer = torch.optim.SGD(
            [{"params": teacher.trunk_parameters()}, {"params": teacher.fresh_parameters()}],
            lr=config.teacher.learning_rate,
            momentum=0.9,
            nesterov=True,
            weight_decay=config.optimizer.weight_decay,
        )
        self.precision = Precision(config.run.precision, distributed.device)
        self._numerics = set_training_numerics(distributed.device, config.run)

    def step(self, batch: PairBatch, iteration: int) -> StepLog:
        rate = self.settings.learning_rate
        factor = rate_factor(iteration / self.iterations)
        for group, group_factor in zip(self.optimizer.param_groups, (self.settings.trunk_factor, 1.0), strict=True):
            group["lr"] = rate * group_factor * factor
        images = pixels.normalize(batch.images).masked_fill(batch.erased, 0.0).flatten(0, 1)
        labels = batch.labels.repeat(2, 1).flatten()
        with self.precision.autocast():
            output: ReIDOutput = self.teacher(images)
        loss = torch.stack([F.cross_entropy(logits.float(), labels) for logits in output.logits]).mean()
        self.optimizer.zero_grad()
        self.precision.backward(loss)
        self.distributed.average_gradients(
            [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        )
        self.precision.step(self.optimizer)
        return StepLog(
            {"identity": loss.detach()},
            {"identity": 1.0},
            learning_rates={"teacher": rate * factor},
            images=self.settings.batch_size * self.distributed.world_size,
            others={"accuracy": (output.mean_logits.argmax(1) == labels).float().mean()},
        )

    def introduction(self) -> Sequence[str]:
        named = f"weights of {self.settings.weights}" if self.settings.weights else "random weights"
        weights = self.teacher.initial_weights or named
        # No "teacher": the independent classifier is trained here, too.
        name = self.settings.backbone if self.settings.model == "ide" else self.settings.model
        return (str(self._numerics), f"{name} began with {weights}")

    def depends_on_length(self) -> str:
        return "The learning rate falls to 0 at the last iteration along half a cosine (teacher.epochs)"

    def advice(self) -> str:
        return f"lower teacher.learning_rate (now {self.settings.learning_rate})"

    def state_dict(self) -> dict[str, Any]:
        return {
            "teacher": self.teacher.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "precision": self.precision.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.teacher.load_state_dict(state["teacher"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.precision.load_state_dict(state["precision"])


def train_teacher(
    config: Config, dataset: Dataset, open_run: Callable[[], Run], distributed: Distributed, pretrained: bool = True
) -> ReIDModel:
    """Train a teacher with `config.teacher`; the run's folder gets checkpoints and, at the end, `teacher.pth`.

    Args:
        open_run: opens the run, after everything else has been built: settings that are refused leave no folder.
        pretrained: read `teacher.weights`; a run that goes on from a checkpoint needs no such file any more.

    Raises:
        RunStopped: the run was asked to stop; it has saved.
        UserError: settings and data that do not go together; a loss that is not finite.
    """
    settings = config.teacher
    require_teacher_batch(config, dataset, distributed)
    source = pair_source(config.data, dataset, settings.batch_size // ROLES, config.run.seed, distributed)
    iterations = teacher_iterations(settings, len(dataset.train), distributed)
    torch.manual_seed(config.run.seed)
    teacher = build_teacher(settings, len(dataset.identities), pretrained)
    require_initial_people(teacher, dataset)
    warn_of_initial_images(teacher, settings.weights, dataset)
    teacher = teacher.to(distributed.device).train()
    distributed.broadcast_module(teacher)
    plan = TrainingPlan(
        iterations=iterations,
        log_every=config.run.log_every,
        save_every=config.run.checkpoint_every,
        seed=config.run.seed,
        workers=config.data.workers,
    )
    task = TeacherTask(teacher, config, iterations, distributed)
    run = run_training(task, source, plan, open_run, dataset, distributed)
    # All processes wait for the file: they read it next.
    path, size = run.folder / TEACHER_FILE, (config.data.height, config.data.width)
    distributed.on_main(lambda: save_model(path, teacher, dataset.identities, *size, dataset.people))
    return teacher


def teacher_iterations(settings: TeacherConfig, images: int, distributed: Distributed) -> int:
    """How many iterations `teacher.epochs` are with so many training images."""
    return max(1, math.ceil(settings.epochs * images / (settings.batch_size * distributed.world_size)))


def require_teacher_batch(config: Config, dataset: Dataset, distributed: Distributed) -> None:
    """`UserError` where the images of the data set do not make a batch of the teacher's."""
    size = config.teacher.batch_size
    if size % ROLES:
        raise UserError(f"teacher.batch_size must be a multiple of {ROLES}, got {size}")
    require_batch(config.data, dataset, "teacher.batch_size", size, distributed, roles=ROLES)


def load_teachers(paths: Sequence[Path], dataset: Dataset, device: torch.device | str) -> list[StoredModel]:
    """All teachers of a configuration, with the data set's numbers as identities.

    `UserError` for one that does not know exactly the data set's people.
    """
    teachers = []
    for path in paths:
        stored = read_model_file(path, device)
        if other := other_people(stored.identities, stored.names, dataset):
            raise UserError(
                f"{path}: this teacher knows {len(stored.identities)} identities, "
                f"the data set {dataset.root} has {len(dataset.identities)}, and they differ: {other}; "
                "train one on this data with tools/train_teacher.py"
            )
        warn_of_other_images(path, stored.names, dataset)
        teachers.append(replace(stored, identities=dataset.identities))
    return teachers


def warn_of_other_size(path: Path, teacher: StoredModel, height: int, width: int) -> None:
    """A warning where a teacher gets images of another size than it was trained on: its predictions are worse."""
    if (teacher.height, teacher.width) != (height, width):
        _log.warning(
            "warning: %s was trained on images of %dx%d and sees images of %dx%d here (data.height, data.width)",
            path,
            teacher.height,
            teacher.width,
            height,
            width,
        )
