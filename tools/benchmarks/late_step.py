"""An iteration of the joint training in its late phase (every term active) on random images."""

from dataclasses import dataclass
from pathlib import Path

import torch

from dgnet.config import Config, load_config
from dgnet.core.distributed import Distributed
from dgnet.core.numerics import set_training_numerics
from dgnet.models.build import build_teacher
from dgnet.training.batch import JointBatch
from dgnet.training.joint import JointTraining
from dgnet.training.record import StepRecord
from dgnet.training.step import JointStep
from dgnet.training.teacher_ensemble import TeacherEnsemble

# Every term from the first iteration on, and every ramp at its maximum.
LATE = (
    "short_training.swap_begin=0",
    "short_training.identity_begin=0",
    "loss.code_ramp_begin=0",
    "loss.teacher_ramp_begin=0",
    "loss.ramp_rate=100",
)
ITERATION = 1


def late_config(path: Path, settings: list[str], batch: int | None) -> Config:
    """The configuration with overrides, its ramps at their maximum; `batch` None leaves its own batch size."""
    size = [] if batch is None else [f"run.batch_size={batch}"]
    return load_config(path, [*settings, *LATE, *size])


@dataclass(frozen=True)
class LateStep:
    """Fresh networks (seed 0), an untrained teacher and one random batch."""

    training: JointTraining
    step: JointStep
    batch: JointBatch

    @classmethod
    def build(cls, config: Config, identities: int, distributed: Distributed) -> "LateStep":
        """On the device of `distributed`."""
        set_training_numerics(distributed.device, config.run)
        training = JointTraining.fresh(config, identities, distributed)
        teacher = build_teacher(config.teacher, identities, pretrained=False).to(distributed.device).eval()
        if config.run.channels_last:
            teacher = teacher.to(memory_format=torch.channels_last)
        ensemble = TeacherEnsemble(
            [teacher], config.teacher.label, config.loss.batch_statistics_when_frozen, identities
        )
        images, labels = random_batch(config, identities, distributed.device)
        batch = JointBatch(images, images.clone() if config.data.erasing > 0 else None, labels)
        return cls(training, training.step(ensemble, distributed, config), batch)

    def __call__(self, train_structure_encoder: bool) -> StepRecord:
        """One iteration; `train_structure_encoder` as in `JointStep`."""
        return self.step(self.batch, ITERATION, train_structure_encoder)


def random_batch(config: Config, identities: int, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Images `[4, batch, 3, height, width]` by role and labels `[2, batch]`, the same every time."""
    torch.manual_seed(0)
    images = torch.randn(4, config.run.batch_size, 3, config.data.height, config.data.width)
    return images.to(device), torch.randint(identities, (2, config.run.batch_size)).to(device)
