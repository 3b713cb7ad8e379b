"""Padding, convolution, norm and activation: the block that all networks but the ResNet trunks are built of."""

from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from dgnet.layers.conv2d import Conv2d
from dgnet.layers.norm import adaptive_instance_norm, instance_norm, sample_norm
from dgnet.layers.padding import pad
from dgnet.layers.upsample import upsampled_convolution

LEAKY_SLOPE = 0.2
NormName = Literal["none", "instance", "adaptive", "sample"]


class ConvolutionBlock(nn.Module):
    """Reflect padding -> convolution with bias -> norm -> leaky ReLU 0.2, the last two optional.

    `norm="adaptive"` takes the gain and bias `[batch, out_channels]` with every call. `upsample=True` doubles the
    resolution (nearest) before a 5x5 convolution.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        norm: NormName = "none",
        activation: bool = True,
        upsample: bool = False,
    ) -> None:
        super().__init__()
        if upsample and (kernel != 5 or stride != 1 or dilation != 1):
            raise ValueError("upsample=True goes with kernel=5, stride=1 and dilation=1 only")
        self.convolution = Conv2d(in_channels, out_channels, kernel, stride=stride, dilation=dilation)
        self.padding = dilation * (kernel - 1) // 2
        self.norm: NormName = norm
        self.slope = LEAKY_SLOPE if activation else 1.0
        self.upsample = upsample
        if norm == "sample":
            self.gain = nn.Parameter(torch.rand(out_channels))
            self.bias = nn.Parameter(torch.zeros(out_channels))

    def convolve(self, x: Float[Tensor, "batch in_channel height width"]) -> Tensor:
        """The part before the norm."""
        if self.upsample:
            assert self.convolution.bias is not None
            return upsampled_convolution(x, self.convolution.weight, self.convolution.bias)
        return self.convolution(pad(x, self.padding, "reflect"))

    def normalize(self, x: Tensor, gain: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """The part from the norm on."""
        if self.norm == "instance":
            return instance_norm(x, self.slope)
        if self.norm == "adaptive":
            assert gain is not None and bias is not None
            return adaptive_instance_norm(x, gain, bias, self.slope)
        if self.norm == "sample":
            return sample_norm(x, self.gain, self.bias, self.slope)
        return x if self.slope == 1.0 else F.leaky_relu(x, self.slope)

    def forward(self, x: Tensor, gain: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        return self.normalize(self.convolve(x), gain, bias)
