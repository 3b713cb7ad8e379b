"""What the teacher says of a generated image, and how far the student is from it."""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from dgnet.losses.per_half import mean_per_half

# 0 soft, 1 hard, 2 appearance source, 3 uniform (LSRO), 4 soft between the two sources
TeacherStyle = Literal[0, 1, 2, 3, 4]
STYLES_THAT_ASK = (0, 1, 4)


def teacher_label(
    style: TeacherStyle,
    prediction: Float[Tensor, "batch identity"] | None,
    appearance_labels: Int64[Tensor, "batch"],
    structure_labels: Int64[Tensor, "batch"],
    identities: int,
) -> Float[Tensor, "batch identity"]:
    """The label distribution that the student learns on a generated image.

    Args:
        style: 0 the teachers' mean prediction; 1 its one-hot argmax; 2 one-hot of the appearance source's identity;
            3 uniform over all identities (LSRO, Zheng et al. 2017); 4 the mean prediction restricted to the identities
            of the two sources and renormalized.
        prediction: the teachers' mean softmax; not looked at (may be None) for styles 2 and 3.
    """
    if style == 2:
        return F.one_hot(appearance_labels, identities).double()
    if style == 3:
        shape = (appearance_labels.shape[0], identities)
        return torch.full(shape, 1 / identities, dtype=torch.float64, device=appearance_labels.device)
    assert prediction is not None
    if style == 1:
        return F.one_hot(prediction.argmax(1), identities).to(prediction.dtype)
    if style == 4:
        allowed = F.one_hot(appearance_labels, identities) + F.one_hot(structure_labels, identities) > 0
        restricted = prediction * allowed
        return restricted / restricted.sum(1, keepdim=True)
    return prediction


def soft_label_loss(
    logits: Float[Tensor, "batch identity"], label: Float[Tensor, "batch identity"]
) -> Float[Tensor, "2"]:
    """KL(label || softmax(logits)), summed over identities, mean over the images of each half."""
    logits = logits if logits.dtype.itemsize >= 4 else logits.float()
    divergence = F.kl_div(logits.log_softmax(1), label.to(logits.dtype), reduction="none")
    return mean_per_half(divergence.sum(1))
