"""The teachers of a re-ID model: those that label generated images, and the one whose outputs are distilled."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from dgnet.core.errors import UserError
from dgnet.data.records import Dataset
from dgnet.models.model_file import StoredModel
from dgnet.models.people import other_people
from dgnet.models.read_model import read_model
from dgnet.models.reid_model import ReIDOutput
from dgnet.runs.resume import warn_of_other_images
from dgnet.training.teacher import load_teachers
from dgnet.training.teacher_ensemble import TeacherEnsemble
from reid_heads.config import DistillationConfig, GeneratedConfig
from reid_heads.generated.label_policies import LABEL_POLICIES


class TeacherAtItsSize(nn.Module):
    """A teacher of generated images; images of any size are resized to that of its training."""

    def __init__(self, stored: StoredModel) -> None:
        super().__init__()
        self.network, self.height, self.width = stored.network, stored.height, stored.width

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> ReIDOutput:
        output: ReIDOutput = self.network(resized(images, self.height, self.width))
        return output


def resized(images: Float[Tensor, "batch 3 _h _w"], height: int, width: int) -> Float[Tensor, "batch 3 height width"]:
    """Normalized images at another size (antialiased bilinear)."""
    if images.shape[2:] == (height, width):
        return images
    return F.interpolate(images, size=(height, width), mode="bilinear", antialias=True)


def load_distillation_teacher(config: DistillationConfig, dataset: Dataset, device: torch.device) -> StoredModel | None:
    """The frozen teacher of the offline terms, None where they are off.

    Raises:
        UserError: the terms are on without a teacher or the other way round, its file holds none, or its identities are
            not those of the data set while its logits are to be distilled.
    """
    offline = config.offline_logits > 0 or config.offline_similarity > 0
    if offline != (config.teacher is not None):
        raise UserError(
            "distillation.teacher goes with distillation.offline_logits or distillation.offline_similarity above 0, "
            f"got {config.teacher} with {config.offline_logits:g} and {config.offline_similarity:g}"
        )
    if config.teacher is None:
        return None
    teacher = read_model(config.teacher, device=device)
    if config.offline_logits > 0 and (other := other_people(teacher.identities, teacher.names, dataset)):
        raise UserError(
            f"{config.teacher}: this model has {teacher.network.identities} identities, not the "
            f"{len(dataset.identities)} of {dataset.root} ({other}), so its logits cannot be distilled; "
            "distillation.offline_similarity can"
        )
    if config.offline_logits > 0:
        warn_of_other_images(config.teacher, teacher.names, dataset)
    return teacher


def load_label_teachers(config: GeneratedConfig, dataset: Dataset, device: torch.device) -> TeacherEnsemble | None:
    """The teachers that label generated images, None where the label policy needs none.

    Raises:
        UserError: the policy needs a teacher and none is given, or a teacher has other identities than the data set.
    """
    policy = LABEL_POLICIES[config.label]
    if config.source is None or not policy.needs_teacher:
        return None
    if not config.teacher:
        raise UserError(
            f"generated.label={config.label} needs a teacher: name files of tools/train_teacher.py in generated.teacher"
        )
    assert policy.teacher_label is not None
    teachers = [TeacherAtItsSize(stored) for stored in load_teachers(config.teacher, dataset, device)]
    return TeacherEnsemble(teachers, policy.teacher_label, False, len(dataset.identities))
