"""Decoder: structure code + appearance code -> image. Appearance enters as gain and bias of the residual norms."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from dgnet.layers.convolution import LEAKY_SLOPE, ConvolutionBlock
from dgnet.layers.residual import ResidualBlock

NORMS_PER_BLOCK = 2


class StackedLinear(nn.Module):
    """As many independent linear layers as inputs, as one batched product: `[stack, batch, in] -> [.., out]`."""

    def __init__(self, stack: int, in_features: int, out_features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(stack, out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(stack, out_features))
        nn.init.normal_(self.weight, std=math.sqrt(2 / in_features))

    def forward(self, x: Float[Tensor, "stack batch in"]) -> Float[Tensor, "stack batch out"]:
        return torch.baddbmm(self.bias[:, None], x, self.weight.mT)


class StyleNetworks(nn.Module):
    """Slice i of the appearance code -> gain and bias of the norms of residual block i, gains of all blocks first.

    Eight small networks in the paper's size (four blocks, gain and bias each), held as one stack, the gains first.
    """

    def __init__(self, blocks: int, slice_size: int, hidden: int, channels: int) -> None:
        super().__init__()
        self.blocks = blocks
        self.layers = nn.ModuleList(
            StackedLinear(2 * blocks, size_in, size_out)
            for size_in, size_out in ((slice_size, hidden), (hidden, hidden), (hidden, NORMS_PER_BLOCK * channels))
        )

    def scale_output(self, scale: float) -> None:
        """Multiply the initial gains and biases by `scale`."""
        last = self.layers[-1]
        assert isinstance(last, StackedLinear)
        with torch.no_grad():
            last.weight.mul_(scale)

    def forward(self, appearance_code: Float[Tensor, "batch code"]) -> Float[Tensor, "stack batch norms"]:
        slices = appearance_code.unflatten(1, (self.blocks, -1)).transpose(0, 1)
        x = torch.cat([slices, slices])
        for position, layer in enumerate(self.layers):
            x = layer(x if position == 0 else F.leaky_relu(x, LEAKY_SLOPE))
        return x


class Decoder(nn.Module):
    """DG-Net's decoder G (Sec. 3.1): four adaptive residual blocks, two upsamplings, three convolutions.

    Args:
        code_channels: channels of the structure code (128 in the paper).
        slice_size: numbers of the appearance code for one residual block (2048 in the paper).
        style_hidden: width of the style networks (512 in the paper).
        standardize_code: batch norm without gain and bias on the appearance code first (not in the paper).
    """

    def __init__(
        self,
        code_channels: int,
        slice_size: int,
        style_hidden: int = 512,
        residual_blocks: int = 4,
        standardize_code: bool = False,
    ) -> None:
        super().__init__()
        code_size = residual_blocks * slice_size
        self.standardize = nn.BatchNorm1d(code_size, affine=False) if standardize_code else nn.Identity()
        half, quarter = code_channels // 2, code_channels // 4
        self.style = StyleNetworks(residual_blocks, slice_size, style_hidden, code_channels)
        self.residual = nn.ModuleList(ResidualBlock(code_channels, "adaptive") for _ in range(residual_blocks))
        self.upsample = nn.Sequential(
            ConvolutionBlock(code_channels, half, 5, norm="sample", upsample=True),
            ConvolutionBlock(half, quarter, 5, norm="sample", upsample=True),
        )
        self.finish = nn.Sequential(
            ConvolutionBlock(quarter, quarter, 3),
            ConvolutionBlock(quarter, quarter, 3),
            ConvolutionBlock(quarter, 3, 1, activation=False),
        )

    def forward(
        self,
        structure_code: Float[Tensor, "batch code height width"],
        appearance_code: Float[Tensor, "batch appearance"],
    ) -> Float[Tensor, "batch 3 4*height 4*width"]:
        """Normalized images."""
        return self.decode(structure_code, self.styles(appearance_code))

    def styles(self, appearance_code: Float[Tensor, "batch appearance"]) -> Float[Tensor, "stack batch norms"]:
        """The gains, then the biases of each block."""
        return self.style(self.standardize(appearance_code))

    def decode(
        self,
        structure_code: Float[Tensor, "batch code height width"],
        styles: Float[Tensor, "stack batch norms"],
    ) -> Float[Tensor, "batch 3 4*height 4*width"]:
        """The image, from the output of `styles`."""
        gains, biases = styles.chunk(2)
        x = structure_code
        for block, block_gains, block_biases in zip(self.residual, gains, biases, strict=True):
            x = block(x, block_gains, block_biases)
        return self.finish(self.upsample(x))

    # What reconstruction terms compare; `PartDecoder` has another image for them.
    reconstruct = decode
