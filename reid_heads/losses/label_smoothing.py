"""Cross-entropy to a distribution over identities: smoothed labels (Szegedy et al. 2016), soft labels, or none."""

import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

UNLABELED = -1


def smoothed_labels(
    labels: Int64[Tensor, "batch"], identities: int, smoothing: float = 0.0
) -> Float[Tensor, "batch identity"]:
    """One-hot rows of which a share `smoothing` (0..1) is spread evenly over all identities.

    The row of an unlabeled image (label -1) is 0 everywhere.
    """
    known = (labels != UNLABELED).float()[:, None]
    return known * ((1 - smoothing) * F.one_hot(labels.clamp(min=0), identities) + smoothing / identities)


def soft_cross_entropy(
    logits: Float[Tensor, "batch identity"], distribution: Float[Tensor, "batch identity"]
) -> Float[Tensor, ""]:
    """-sum over identities of distribution * log softmax(logits), mean over the images whose row is not all 0.

    In float32 at least; 0 where no image has a label.
    """
    logits = logits if logits.dtype.itemsize >= 4 else logits.float()
    distribution = distribution.to(logits.dtype)
    labeled = (distribution.sum(1) > 0).sum()
    return -(distribution * logits.log_softmax(1)).sum() / labeled.clamp(min=1)
