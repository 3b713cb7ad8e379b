"""Appearance encoder: image -> appearance code for the decoder, and two identity classifiers on the same trunk."""

from typing import Literal, NamedTuple

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from dgnet.models.backbone import Backbone
from dgnet.models.classifier import IdentityClassifier, IdentityOutput

Pooling = Literal["max", "avg"]
PARTS = 4


class AppearanceOutput(NamedTuple):
    """`code` `[batch, channel * 4]`; `primary` (who it is) and `fine` (details the clothes leave: mined from swaps)."""

    code: Tensor
    primary: IdentityOutput
    fine: IdentityOutput


def pool_parts(features: Tensor, pooling: Pooling, parts: int) -> Tensor:
    """`[batch, channel, h, w]` -> `[batch, channel * parts]`, horizontal parts innermost."""
    pool = F.adaptive_max_pool2d if pooling == "max" else F.adaptive_avg_pool2d
    return pool(features, (parts, 1)).flatten(1)


class AppearanceEncoder(nn.Module):
    """DG-Net's E_a (Sec. 3.1 and 3.3).

    The code is pooled in four horizontal parts; the classifiers see the global pooling.
    """

    def __init__(
        self,
        backbone: Backbone,
        identities: int,
        *,
        pooling: Pooling = "max",
        primary_dropout: float = 0.5,
        fine_dropout: float = 0.75,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.pooling: Pooling = pooling
        self.code_size = PARTS * self.backbone.channels
        self.primary = IdentityClassifier(self.backbone.channels, identities, primary_dropout)
        self.fine = IdentityClassifier(self.backbone.channels, identities, fine_dropout)

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> AppearanceOutput:
        features = self.backbone(images)
        code = pool_parts(features, self.pooling, PARTS)
        pooled = pool_parts(features, self.pooling, 1)
        return AppearanceOutput(code, self.primary(pooled), self.fine(pooled))
