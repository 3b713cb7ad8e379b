"""Identity classifier of DG-Net: a bottleneck to 512 numbers, then one logit per identity."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn


class IdentityOutput(NamedTuple):
    """`embedding` `[batch, 512]` (before dropout and the last layer) and `logits` `[batch, identity]`."""

    embedding: Tensor
    logits: Tensor


class IdentityClassifier(nn.Module):
    """Linear -> batch norm -> dropout -> linear, initialized as in the official DG-Net."""

    def __init__(self, in_features: int, identities: int, dropout: float, bottleneck: int = 512) -> None:
        super().__init__()
        self.bottleneck = nn.Linear(in_features, bottleneck)
        self.norm = nn.BatchNorm1d(bottleneck)
        self.dropout = nn.Dropout(dropout)
        self.logits = nn.Linear(bottleneck, identities)
        nn.init.kaiming_normal_(self.bottleneck.weight, mode="fan_out")
        nn.init.zeros_(self.bottleneck.bias)
        nn.init.normal_(self.norm.weight, mean=1.0, std=0.02)
        nn.init.normal_(self.logits.weight, std=0.001)
        nn.init.zeros_(self.logits.bias)

    def forward(self, feature: Float[Tensor, "batch feature"]) -> IdentityOutput:
        embedding = self.norm(self.bottleneck(feature))
        return IdentityOutput(embedding, self.logits(self.dropout(embedding)))
