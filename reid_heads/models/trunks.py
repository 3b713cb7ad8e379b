"""The ResNets that re-ID models are built on, by torchvision's names, plain or in their IBN-a form."""

from typing import Literal, NamedTuple, get_args

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from dgnet.config.networks import BackboneName
from dgnet.models.backbone import Backbone
from reid_heads.models.ibn import split_first_norms

TrunkName = Literal["resnet18", "resnet34", "resnet50", "resnet101", "resnet50_ibn_a"]
TRUNK_NAMES: tuple[TrunkName, ...] = get_args(TrunkName)


class _Architecture(NamedTuple):
    backbone: BackboneName
    ibn: bool = False


_ARCHITECTURES: dict[TrunkName, _Architecture] = {
    "resnet18": _Architecture("resnet18"),
    "resnet34": _Architecture("resnet34"),
    "resnet50": _Architecture("resnet50"),
    "resnet101": _Architecture("resnet101"),
    "resnet50_ibn_a": _Architecture("resnet50", ibn=True),
}


def build_trunk(name: TrunkName, last_stride: int = 1, stem_relu: bool = True) -> Backbone:
    """A ResNet without pooling and classifier, with random weights.

    Args:
        last_stride: of the last stage; 1 doubles the resolution of the feature map.
        stem_relu: a ReLU between the stem's norm and its pooling, as torchvision has it.
    """
    architecture = _ARCHITECTURES[name]
    trunk = Backbone(architecture.backbone, last_stride)
    if architecture.ibn:
        split_first_norms(trunk)
    if not stem_relu:
        trunk.relu = nn.Identity()
    return trunk


def pool_globally(feature_map: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch channel"]:
    """The mean over all positions."""
    return F.adaptive_avg_pool2d(feature_map, 1).flatten(1)
