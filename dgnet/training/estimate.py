"""How long a training will take on this machine: a few of its iterations on random images, before it begins.

Iterations differ (`short_training.swap_begin`, weights that are still 0), so one of each kind is tried. The estimate
knows nothing of what else the machine will do meanwhile.
"""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import astuple
from functools import partial

import torch

from dgnet.config import Config
from dgnet.core.distributed import Distributed
from dgnet.data.pairs import PairBatch
from dgnet.models.build import build_teacher
from dgnet.training.checks import needs_teachers
from dgnet.training.joint import JointTask, JointTraining, trains_structure_encoder
from dgnet.training.schedule import loss_weights
from dgnet.training.teacher import ROLES, TeacherTask, teacher_iterations
from dgnet.training.teacher_ensemble import TeacherEnsemble

# What an iteration computes: the terms that have a weight, and whether the structure encoder learns from swaps.
IterationKind = tuple[bool, ...]


def joint_seconds(config: Config, identities: int, distributed: Distributed) -> float:
    """Seconds of the joint training with so many training identities, without pictures, checkpoints and the log."""
    training = JointTraining.fresh(config, identities, distributed, pretrained=False)
    taught = needs_teachers(config)
    teachers = [build_teacher(config.teacher, identities, False).to(distributed.device).eval()] if taught else []
    ensemble = TeacherEnsemble(teachers, config.teacher.label, config.loss.batch_statistics_when_frozen, identities)
    task = JointTask(training, ensemble, distributed, config)
    batch = random_batch(config, config.run.batch_size, identities).to(distributed.device)
    kinds = [iteration_kind(config, iteration) for iteration in range(config.schedule.iterations)]
    last = {kind: iteration for iteration, kind in enumerate(kinds)}
    return sum(
        count * _mean_seconds(partial(task.step, batch, last[kind]), distributed)
        for kind, count in Counter(kinds).items()
    )


def iteration_kind(config: Config, iteration: int) -> IterationKind:
    """Iterations of one kind (counted from 0) take the same time."""
    weights = loss_weights(config, iteration)
    encodes_again = weights.structure_code > 0 or weights.cycle > 0
    terms = (weight > 0 for weight in astuple(weights))
    return *terms, encodes_again and trains_structure_encoder(config, iteration + 1)


def teacher_seconds(config: Config, identities: int, images: int, distributed: Distributed) -> float:
    """Seconds of the training of a teacher, or of the independent classifier, on so many images."""
    settings = config.teacher
    iterations = teacher_iterations(settings, images, distributed)
    teacher = build_teacher(settings, identities, False).to(distributed.device).train()
    task = TeacherTask(teacher, config, iterations, distributed)
    batch = random_batch(config, settings.batch_size // ROLES, identities).to(distributed.device)
    return iterations * _mean_seconds(partial(task.step, batch, 0), distributed)


def random_batch(config: Config, size: int, identities: int) -> PairBatch:
    """A batch of noise with the shapes of the configuration's."""
    height, width = config.data.height, config.data.width
    random = torch.Generator().manual_seed(0)
    return PairBatch(
        torch.randint(0, 256, (4, size, 3, height, width), dtype=torch.uint8, generator=random),
        torch.zeros(4, size, 1, height, width, dtype=torch.bool),
        torch.randint(0, identities, (2, size), generator=random),
    )


def _mean_seconds(step: Callable[[], object], distributed: Distributed, times: int = 3) -> float:
    """The mean of several runs of a step, after one that builds its kernels."""
    step()
    _wait(distributed)
    began = time.perf_counter()
    for _ in range(times):
        step()
    _wait(distributed)
    return (time.perf_counter() - began) / times


def _wait(distributed: Distributed) -> None:
    if distributed.device.type == "cuda":
        torch.cuda.synchronize(distributed.device)
