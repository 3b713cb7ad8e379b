"""Residual block: two 3x3 convolution blocks, the second without activation, added to the input."""

from jaxtyping import Float
from torch import Tensor, nn

from dgnet.layers.convolution import ConvolutionBlock, NormName


class ResidualBlock(nn.Module):
    """`x + second(first(x))` at a constant number of channels.

    Gains and biases of an adaptive norm hold the first block's channels, then the second's.
    """

    def __init__(self, channels: int, norm: NormName) -> None:
        super().__init__()
        self.first = ConvolutionBlock(channels, channels, 3, norm=norm)
        self.second = ConvolutionBlock(channels, channels, 3, norm=norm, activation=False)

    def forward(
        self,
        x: Float[Tensor, "batch channel height width"],
        gains: Float[Tensor, "batch 2*channel"] | None = None,
        biases: Float[Tensor, "batch 2*channel"] | None = None,
    ) -> Float[Tensor, "batch channel height width"]:
        if gains is None or biases is None:
            return x + self.second(self.first(x))
        (first_gain, second_gain), (first_bias, second_bias) = gains.chunk(2, dim=1), biases.chunk(2, dim=1)
        return x + self.second(self.first(x, first_gain, first_bias), second_gain, second_bias)
