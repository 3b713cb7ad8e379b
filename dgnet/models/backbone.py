"""ResNet trunks: torchvision's networks without pooling and classifier, last stride selectable."""

from typing import Any, get_args

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models import resnet

from dgnet.config.networks import BackboneName
from dgnet.core.errors import UserError
from dgnet.layers.conv2d import Conv2d


class Backbone(nn.Module):
    """`images -> feature map`; submodules bear torchvision's names (`conv1`, `layer4.0.conv1`, ...).

    Args:
        name: one of resnet18, resnet34, resnet50, resnet101.
        last_stride: stride of the last stage; 1 doubles the resolution of the feature map.
        upsample_below_height: images of at most this height are upsampled by 2 (nearest) first, because trunks expect
            crops of about 256x128; 0: none.
    """

    # Where its weights come from, in words; empty for random ones.
    initial_weights: str = ""

    def __init__(self, name: BackboneName, last_stride: int = 1, upsample_below_height: int = 0) -> None:
        super().__init__()
        self.upsample_below_height = upsample_below_height
        if name not in get_args(BackboneName):
            raise UserError(f"backbone must be one of {', '.join(get_args(BackboneName))}, not {name!r}")
        network = getattr(resnet, name)(weights=None)
        self.channels: int = network.fc.in_features
        for child in ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4"):
            self.add_module(child, getattr(network, child))
        first: Any = self.get_submodule("layer4.0")
        # The stride sits in conv1 of a basic block and in conv2 of a bottleneck.
        strided = first.conv2 if hasattr(first, "conv3") else first.conv1
        strided.stride = (last_stride, last_stride)
        first.downsample[0].stride = (last_stride, last_stride)
        for path, layer in list(self.named_modules()):
            if isinstance(layer, nn.Conv2d):
                self.set_submodule(path, Conv2d.like(layer))

    def forward(self, x: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch channel _ _"]:
        if x.shape[2] <= self.upsample_below_height:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        for layer in self.children():
            x = layer(x)
        return x
