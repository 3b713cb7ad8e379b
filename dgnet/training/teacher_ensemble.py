"""The teachers as one classifier, and the labels that they give to generated images."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from dgnet.losses.soft_label import LABELS_FROM_TEACHER, TeacherLabel, teacher_label
from dgnet.models.frozen import evaluating, frozen


class TeacherEnsemble:
    """Frozen classifiers, averaged over networks and over image and mirrored image.

    Args:
        teachers: modules `images -> ReIDOutput`; may be empty for labels that need no teacher.
        label: how an image is labeled, see `dgnet.losses.soft_label.teacher_label`.
        batch_statistics: batch norm uses the statistics of the images at hand. Then the halves of the batch and the two
            views go through separately; otherwise all in one batch.
    """

    def __init__(
        self, teachers: Sequence[nn.Module], label: TeacherLabel, batch_statistics: bool, identities: int
    ) -> None:
        self.teachers = teachers
        self.label_rule: TeacherLabel = label
        self.batch_statistics = batch_statistics
        self.identities = identities

    def label(
        self,
        images: Float[Tensor, "batch 3 height width"],
        appearance_labels: Int64[Tensor, "batch"],
        structure_labels: Int64[Tensor, "batch"],
    ) -> Float[Tensor, "batch identity"]:
        """The label distribution of each image; the two halves of the batch are a and b."""
        prediction = self.predict(images) if self.label_rule in LABELS_FROM_TEACHER else None
        return teacher_label(self.label_rule, prediction, appearance_labels, structure_labels, self.identities)

    @torch.no_grad()
    def predict(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch identity"]:
        """Mean softmax over teachers and both views. `ValueError` if there is no teacher."""
        if not self.teachers:
            raise ValueError(f"label {self.label_rule!r} needs a teacher and there is none")
        views = torch.cat([images, images.flip(3)])
        batches = views.chunk(4) if self.batch_statistics else (views,)
        predictions: list[Tensor] = []
        for teacher in self.teachers:
            with evaluating(teacher, self.batch_statistics):
                classify = frozen(teacher)
                logits = torch.cat([classify(batch).mean_logits for batch in batches])
            predictions.extend(logits.double().softmax(1).chunk(2))
        return torch.stack(predictions).mean(0)
