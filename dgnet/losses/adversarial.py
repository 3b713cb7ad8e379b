"""Adversarial losses over the scales of the discriminator; every function returns one value per half of the batch."""

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from dgnet.losses.per_half import mean_per_half

GanKind = Literal["lsgan", "nsgan"]


def _distance_to(scores: Tensor, target: float, kind: GanKind) -> Float[Tensor, "2"]:
    scores = scores.float() if scores.dtype in (torch.bfloat16, torch.float16) else scores
    if kind == "lsgan":
        return mean_per_half((scores - target).square())
    goal = torch.full_like(scores, target)
    return mean_per_half(F.binary_cross_entropy_with_logits(scores, goal, reduction="none"))


def discriminator_loss(fake: Sequence[Tensor], real: Sequence[Tensor], kind: GanKind) -> Float[Tensor, "2"]:
    """Fake scores towards 0, real scores towards 1, summed over the scales (LSGAN: Mao et al. 2017, Eq. 2)."""
    losses = [_distance_to(f, 0.0, kind) + _distance_to(r, 1.0, kind) for f, r in zip(fake, real, strict=True)]
    return torch.stack(losses).sum(0)


def generator_loss(fake: Sequence[Tensor], kind: GanKind) -> Float[Tensor, "2"]:
    """Fake scores towards 1, summed over the scales; the least-squares form counts twice, as in the official code."""
    losses = [_distance_to(f, 1.0, kind) for f in fake]
    return torch.stack(losses).sum(0) * (2 if kind == "lsgan" else 1)


def gradient_penalty(real_scores: Sequence[Tensor], real: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "2"]:
    """Squared norm of the gradient of the summed scores with respect to the real image, summed over the scales.

    Mescheder et al. 2018, R1 (Eq. 9, without the factor 1/2). `real` must require a gradient; the result can be
    differentiated again.
    """
    penalties = []
    for scores in real_scores:
        (gradient,) = torch.autograd.grad(scores.sum(), real, create_graph=True)
        penalties.append(mean_per_half(gradient.square().flatten(1).sum(1)))
    return torch.stack(penalties).sum(0)
