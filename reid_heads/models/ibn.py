"""IBN-a (Pan et al., "Two at Once", ECCV 2018): half of a bottleneck's first norm looks at each image by itself."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dgnet.models.backbone import Backbone


class SplitNorm(nn.Module):
    """Instance norm (with gain and bias) on the first half of the channels, batch norm on the second.

    Submodules bear the names of the published weights, `IN` and `BN`.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.split = channels // 2
        self.IN = nn.InstanceNorm2d(self.split, affine=True)
        self.BN = nn.BatchNorm2d(channels - self.split)

    def forward(self, x: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch channel height width"]:
        return torch.cat([self.IN(x[:, : self.split]), self.BN(x[:, self.split :])], dim=1)


def split_first_norms(backbone: Backbone) -> None:
    """Turn a ResNet of bottlenecks into its IBN-a form: the first norm of every bottleneck of stages 1 to 3."""
    for stage in ("layer1", "layer2", "layer3"):
        for block in backbone.get_submodule(stage).children():
            bottleneck: Any = block
            bottleneck.bn1 = SplitNorm(bottleneck.bn1.num_features)
