"""Multi-scale discriminator: maps of "this patch is real" at the full, half and quarter resolution."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from dgnet.layers.convolution import ConvolutionBlock
from dgnet.layers.residual import ResidualBlock


class PatchDiscriminator(nn.Module):
    """One scale: convolutions without norm, four residual blocks, one score per 4x4 patch."""

    def __init__(self, channels: int, residual_blocks: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            ConvolutionBlock(3, channels, 1),
            ConvolutionBlock(channels, channels, 3),
            ConvolutionBlock(channels, channels, 3, stride=2),
            ConvolutionBlock(channels, channels, 3),
            ConvolutionBlock(channels, 2 * channels, 3, stride=2),
            *(ResidualBlock(2 * channels, "none") for _ in range(residual_blocks)),
            nn.Conv2d(2 * channels, 1, 1),
        )

    def forward(self, x: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 1 _ _"]:
        return self.layers(x)


class MultiScaleDiscriminator(nn.Module):
    """DG-Net's D; `channels` 32, four blocks and three scales are the paper's."""

    def __init__(self, channels: int = 32, residual_blocks: int = 4, scales: int = 3) -> None:
        super().__init__()
        self.scales = nn.ModuleList(PatchDiscriminator(channels, residual_blocks) for _ in range(scales))

    def forward(self, x: Float[Tensor, "batch 3 height width"]) -> list[Tensor]:
        """Scores of every scale, finest first; unbounded (no sigmoid)."""
        scores = []
        for position, scale in enumerate(self.scales):
            if position > 0:
                x = F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)
            scores.append(scale(x))
        return scores
