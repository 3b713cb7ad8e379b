"""Multi-dilation block: four parallel branches of different receptive fields, fused by a 1x1 convolution."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from dgnet.layers.convolution import ConvolutionBlock

DILATIONS = (3, 6, 9)


class MultiDilationBlock(nn.Module):
    """1x1 beside 1x1 -> 3x3 with dilations 3, 6 and 9, instance norm throughout; no activation at the end of a branch.

    Reflect padding by 9 needs planes larger than 9 pixels in both directions.
    """

    def __init__(self, in_channels: int, branch_channels: int, out_channels: int) -> None:
        super().__init__()
        self.point = ConvolutionBlock(in_channels, branch_channels, 1, norm="instance", activation=False)
        self.dilated = nn.ModuleList(
            nn.Sequential(
                ConvolutionBlock(in_channels, branch_channels, 1, norm="instance"),
                ConvolutionBlock(branch_channels, branch_channels, 3, dilation=d, norm="instance", activation=False),
            )
            for d in DILATIONS
        )
        branches = 1 + len(DILATIONS)
        self.fuse = ConvolutionBlock(branches * branch_channels, out_channels, 1, norm="instance", activation=False)

    def forward(self, x: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch out height width"]:
        return self.fuse(torch.cat([self.point(x), *(branch(x) for branch in self.dilated)], dim=1))
