"""Training of the teacher: a plain identity classifier on real images."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from dgnet.config import Config, TeacherConfig
from dgnet.core import pixels
from dgnet.core.checkpoint import load_checkpoint, require_kind, save_checkpoint
from dgnet.core.device import Precision
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.core.random_draws import iteration_seed
from dgnet.data.prefetch import Prefetcher
from dgnet.data.records import Dataset
from dgnet.data.training_data import pair_source
from dgnet.models.build import build_teacher
from dgnet.models.teacher import Teacher
from dgnet.runs.resume import learned_from, state_to_go_on_from
from dgnet.runs.run import Run

KIND = "dgnet teacher"
TRAINING_KIND = "training state of a dgnet teacher"
TEACHER_FILE = "teacher.pth"
# A pair batch holds four images per anchor: a, b and their positives. The teacher takes them as four plain images.
ROLES = 4
WARM_UP = 0.05


def rate_factor(progress: float) -> float:
    """Learning-rate factor at `progress` 0..1: linear warm-up over the first twentieth, then half a cosine to 0."""
    if progress < WARM_UP:
        return (progress + 0.01) / (WARM_UP + 0.01)
    return 0.5 * (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP)))


def train_teacher(
    config: Config, dataset: Dataset, open_run: Callable[[], Run], distributed: Distributed
) -> tuple[Teacher, int]:
    """Train a teacher with `config.teacher`; the run's folder gets checkpoints and, at the end, `teacher.pth`.

    `open_run` is called when all that the settings ask for could be built: what is refused before leaves no folder.
    Returns the teacher and the exit status.
    """
    settings = config.teacher
    if settings.batch_size % ROLES:
        raise UserError(f"teacher.batch_size must be a multiple of {ROLES}, got {settings.batch_size}")
    device = distributed.device
    source = pair_source(config.data, dataset, settings.batch_size // ROLES, config.run.seed, distributed)
    total = max(1, math.ceil(settings.epochs * len(dataset.train) / (settings.batch_size * distributed.world_size)))
    torch.manual_seed(config.run.seed)
    teacher = build_teacher(settings, len(dataset.identities)).to(device).train()
    distributed.broadcast_module(teacher)
    trunk, head = list(teacher.backbone.parameters()), list(teacher.classifier.parameters())
    factors = (settings.trunk_factor, 1.0)
    optimizer = torch.optim.SGD(
        [{"params": trunk}, {"params": head}],
        lr=settings.learning_rate,
        momentum=0.9,
        nesterov=True,
        weight_decay=config.optimizer.weight_decay,
    )
    precision = Precision(config.run.precision, device)
    run = open_run()
    run.say(f"computes in {precision.name}")
    learns = learned_from(dataset, distributed.world_size)
    if path := run.latest_checkpoint():
        state = state_to_go_on_from(path, TRAINING_KIND, dataset, device, learns)
        teacher.load_state_dict(state["teacher"])
        optimizer.load_state_dict(state["optimizer"])
        precision.load_state_dict(state["precision"])

    with run, Prefetcher(source, run.start, config.data.workers, device) as batches:
        for iteration in run.iterations(run.start, total):
            torch.manual_seed(iteration_seed(config.run.seed, iteration, distributed.rank))
            factor = rate_factor((iteration - 1) / total)
            for group, own in zip(optimizer.param_groups, factors, strict=True):
                group["lr"] = settings.learning_rate * own * factor
            batch = next(batches)
            images = pixels.normalize(batch.images).masked_fill(batch.erased, 0.0).flatten(0, 1)
            labels = batch.labels.repeat(2, 1).flatten()
            with precision.autocast():
                logits = teacher(images).logits
            loss = F.cross_entropy(logits.float(), labels)
            optimizer.zero_grad()
            precision.backward(loss)
            distributed.average_gradients([*trunk, *head])
            precision.step(optimizer)

            saves = run.is_time_to(config.run.checkpoint_every, iteration) or run.should_stop
            if saves or run.is_time_to(config.run.log_every, iteration):
                value = loss.item()
                if not math.isfinite(value):
                    raise UserError(
                        f"the teacher's identity loss is {value} at iteration {iteration}; "
                        f"lower teacher.learning_rate (now {settings.learning_rate})"
                    )
            if run.is_time_to(config.run.log_every, iteration):
                accuracy = (logits.argmax(1) == labels).float().mean().item()
                run.log(
                    iteration,
                    {"identity": value},
                    {"identity": 1.0},
                    learning_rates={"teacher": settings.learning_rate * factor},
                    others={"accuracy": accuracy},
                )
            if saves:
                run.save(
                    iteration,
                    {
                        "kind": TRAINING_KIND,
                        **learns,
                        "teacher": teacher.state_dict(),
                        "optimizer": optimizer.state_dict(),
                        "precision": precision.state_dict(),
                    },
                )
            if run.should_stop:
                break
    if (run.start if total <= run.start else iteration) >= total:
        # The others wait: they look for the file next.
        distributed.on_main(
            lambda: save_checkpoint(run.folder / TEACHER_FILE, describe_teacher(teacher, config, dataset))
        )
    return teacher, run.exit_status


def describe_teacher(teacher: Teacher, config: Config, dataset: Dataset) -> dict[str, Any]:
    """What a teacher's file holds: weights, architecture, the identities in the order of the logits, preprocessing."""
    return {
        "kind": KIND,
        "architecture": {
            key: getattr(config.teacher, key) for key in ("backbone", "last_stride", "double_up_to_height", "dropout")
        },
        "identities": list(dataset.identities),
        "preprocessing": {
            "height": config.data.height,
            "width": config.data.width,
            "mean": list(pixels.MEAN),
            "std": list(pixels.STD),
        },
        "state": teacher.state_dict(),
    }


@dataclass(frozen=True)
class StoredTeacher:
    """A teacher read from its file, in evaluation mode, with what it knows about itself."""

    network: Teacher
    identities: tuple[int, ...]
    height: int
    width: int


def load_teacher(path: Path, device: torch.device | str = "cpu") -> StoredTeacher:
    """Read a file that `train_teacher` wrote. `UserError` when it is missing, damaged or something else."""
    content = load_checkpoint(path, device)
    require_kind(path, content, KIND, f"a teacher ({TEACHER_FILE} of tools/train_teacher.py)")
    network = build_teacher(TeacherConfig(**content["architecture"]), len(content["identities"]), pretrained=False)
    network.load_state_dict(content["state"])
    size = content["preprocessing"]
    return StoredTeacher(network.to(device).eval(), tuple(content["identities"]), size["height"], size["width"])


def load_teachers(paths: Sequence[Path], dataset: Dataset, device: torch.device | str) -> list[StoredTeacher]:
    """All teachers of a configuration; `UserError` for one that does not know exactly the data set's identities."""
    teachers = []
    for path in paths:
        stored = load_teacher(path, device)
        if stored.identities != dataset.identities:
            unknown = len(set(dataset.identities) - set(stored.identities))
            raise UserError(
                f"{path}: this teacher knows {len(stored.identities)} identities, "
                f"the data set {dataset.root} has {len(dataset.identities)}, {unknown} of them "
                "unknown to the teacher; train one on this data with tools/train_teacher.py"
            )
        teachers.append(stored)
    return teachers
