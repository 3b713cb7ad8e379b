"""Residual block: two 3x3 convolution blocks, the second without activation, added to the input."""

from jaxtyping import Float
from torch import Tensor, nn

from dgnet.layers.convolution import ConvolutionBlock, NormName


class ResidualBlock(nn.Module):
    """`x + second(first(x))` at a constant number of channels."""

    def __init__(self, channels: int, norm: NormName) -> None:
        super().__init__()
        self.first = ConvolutionBlock(channels, channels, 3, norm=norm)
        self.second = ConvolutionBlock(channels, channels, 3, norm=norm, activation=False)

    def forward(self, x: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch channel height width"]:
        return x + self.second(self.first(x))
