"""Structure encoder: structure image -> structure code at a quarter of the resolution."""

from jaxtyping import Float
from torch import Tensor, nn

from dgnet.layers.convolution import ConvolutionBlock
from dgnet.layers.dilation import MultiDilationBlock
from dgnet.layers.residual import ResidualBlock


class StructureEncoder(nn.Module):
    """DG-Net's E_s (Zheng et al., CVPR 2019, Sec. 3.1); `channels` 16 is the paper's width.

    Instance norm after every convolution removes brightness and contrast from the code.

    Args:
        image_channels: of the structure image; one in the paper.
        background: add a linear map of the colors of the background (`dgnet.core.pixels.background`) to the code, after
            all norms, so that the code contains the scene and its illumination (not in the paper).
    """

    def __init__(
        self,
        channels: int = 16,
        residual_blocks: int = 4,
        background: bool = False,
        image_channels: int = 1,
    ) -> None:
        super().__init__()
        # The network makes all channels of the code.
        self.learned_channels = 8 * channels
        self.background = nn.Conv2d(3, 8 * channels, 1) if background else None
        self.stem = nn.Sequential(
            ConvolutionBlock(image_channels, channels, 3, stride=2, norm="instance"),
            ConvolutionBlock(channels, 2 * channels, 3, norm="instance"),
            ConvolutionBlock(2 * channels, 2 * channels, 3, norm="instance"),
            ConvolutionBlock(2 * channels, 4 * channels, 3, stride=2, norm="instance"),
        )
        self.residual = nn.Sequential(*(ResidualBlock(4 * channels, "instance") for _ in range(residual_blocks)))
        self.dilation = MultiDilationBlock(4 * channels, 2 * channels, 8 * channels)

    def forward(
        self,
        x: Float[Tensor, "batch image height width"],
        background: Float[Tensor, "batch 3 height/4 width/4"] | None = None,
    ) -> Float[Tensor, "batch code height/4 width/4"]:
        code = self.dilation(self.residual(self.stem(x)))
        if self.background is not None:
            assert background is not None, "this structure encoder needs the colors of the background, too"
            code = code + self.background(background)
        return code
