"""Cross-entropy of identity logits."""

import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

from dgnet.losses.per_half import mean_per_half


def identity_loss(logits: Float[Tensor, "batch identity"], labels: Int64[Tensor, "batch"]) -> Float[Tensor, "2"]:
    """Mean cross-entropy per half, in float32 at least."""
    logits = logits if logits.dtype.itemsize >= 4 else logits.float()
    return mean_per_half(F.cross_entropy(logits, labels, reduction="none"))
