"""The label distribution of a generated image, and how far a classifier is from it."""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from dgnet.losses.per_half import mean_per_half

# The official release numbers them 0 to 4, in this order.
TeacherLabel = Literal["soft", "hard", "appearance", "lsro", "soft_between"]
LABELS_FROM_TEACHER = ("soft", "hard", "soft_between")


def teacher_label(
    label: TeacherLabel,
    prediction: Float[Tensor, "batch identity"] | None,
    appearance_labels: Int64[Tensor, "batch"],
    structure_labels: Int64[Tensor, "batch"],
    identities: int,
) -> Float[Tensor, "batch identity"]:
    """The label distribution of a generated image.

    Args:
        label: "soft": the teachers' mean prediction; "hard": its one-hot argmax; "appearance": one-hot of the
            appearance source's identity; "lsro": uniform over all identities (LSRO, Zheng et al. 2017); "soft_between":
            the mean prediction restricted to the identities of the two sources and renormalized; where it is 0 for
            both, which the official code divides by, they share equally.
        prediction: the teachers' mean softmax; not used (may be None) for "appearance" and "lsro".
    """
    if label == "appearance":
        return F.one_hot(appearance_labels, identities).double()
    if label == "lsro":
        shape = (appearance_labels.shape[0], identities)
        return torch.full(shape, 1 / identities, dtype=torch.float64, device=appearance_labels.device)
    assert prediction is not None
    if label == "hard":
        return F.one_hot(prediction.argmax(1), identities).to(prediction.dtype)
    if label == "soft_between":
        allowed = F.one_hot(appearance_labels, identities) + F.one_hot(structure_labels, identities) > 0
        restricted = prediction * allowed
        total = restricted.sum(1, keepdim=True)
        equal_shares = allowed.to(prediction.dtype) / allowed.sum(1, keepdim=True)
        return torch.where(total == 0, equal_shares, restricted / total)
    return prediction


def soft_label_loss(
    logits: Float[Tensor, "batch identity"], label: Float[Tensor, "batch identity"]
) -> Float[Tensor, "2"]:
    """KL(label || softmax(logits)), summed over identities, mean over the images of each half."""
    logits = logits if logits.dtype.itemsize >= 4 else logits.float()
    divergence = F.kl_div(logits.log_softmax(1), label.to(logits.dtype), reduction="none")
    return mean_per_half(divergence.sum(1))
