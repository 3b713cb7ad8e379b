"""BNNeck baseline ("bag of tricks", Luo et al. 2019): metric losses before a batch norm, the classifier behind it."""

from typing import Literal, NamedTuple

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from dgnet.config import BackboneName
from dgnet.models.backbone import Backbone
from dgnet.models.registry import register_model
from dgnet.models.reid_model import ReIDModel, ReIDOutput
from reid_heads.models.ibn import split_first_norms

# Submodules by their names in files of the original baseline (reid-strong-baseline).
_THIRD_PARTY = {"base": "trunk", "bottleneck": "neck", "classifier": "classifier"}


class Trunk(NamedTuple):
    """A ResNet by torchvision's name, plain or in its IBN-a form.

    The baseline's own plain ResNets have no ReLU between the stem's norm and its pooling; its IBN-a one has.
    """

    backbone: BackboneName
    ibn: bool = False
    stem_relu: bool = False


TRUNKS: dict[str, Trunk] = {
    "resnet18": Trunk("resnet18"),
    "resnet34": Trunk("resnet34"),
    "resnet50": Trunk("resnet50"),
    "resnet101": Trunk("resnet101"),
    "resnet50_ibn_a": Trunk("resnet50", ibn=True, stem_relu=True),
}


def build_trunk(name: str, last_stride: int, stem_relu: bool) -> Backbone:
    """A ResNet without pooling and classifier, random weights."""
    backbone = Backbone(TRUNKS[name].backbone, last_stride, double_up_to_height=0)
    if TRUNKS[name].ibn:
        split_first_norms(backbone)
    if not stem_relu:
        backbone.relu = nn.Identity()
    return backbone


def pool_globally(feature_map: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch channel"]:
    """The mean over all positions."""
    return F.adaptive_avg_pool2d(feature_map, 1).flatten(1)


@register_model(*TRUNKS)
class BNNeck(ReIDModel):
    """ResNet, global average pooling (the metric feature), batch norm (the embedding), linear (the logits).

    The norm's bias stays 0 and the classifier has none: identities are told apart by direction.

    Args:
        last_stride: of the last stage; 1 doubles the resolution of the feature map.
        stem_relu: a ReLU behind the stem's norm, as torchvision has it; None: as the baseline has it (`TRUNKS`).
    """

    third_party_classifier = "classifier.weight"

    def __init__(
        self, name: str, identities: int, *, last_stride: Literal[1, 2] = 1, stem_relu: bool | None = None
    ) -> None:
        trunk = self.deployed_name(name)
        stem_relu = TRUNKS[trunk].stem_relu if stem_relu is None else stem_relu
        super().__init__(name, identities, {"last_stride": last_stride, "stem_relu": stem_relu})
        self.trunk = build_trunk(trunk, last_stride, stem_relu)
        self.channels = self.embedding_size = self.trunk.channels
        self.metric_sizes = (self.channels,)
        self.neck = nn.BatchNorm1d(self.channels)
        self.neck.bias.requires_grad_(False)
        self.classifier = nn.Linear(self.channels, identities, bias=False)
        nn.init.normal_(self.classifier.weight, std=0.001)

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> ReIDOutput:
        return self.read(self.trunk(images))

    def read(self, feature_map: Float[Tensor, "batch channel height width"]) -> ReIDOutput:
        """Everything behind the trunk."""
        feature = pool_globally(feature_map)
        embedding = self.neck(feature)
        return ReIDOutput(embedding, (feature,), (self.classifier(embedding),), feature_map)

    def embed(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch feature"]:
        return self.neck(pool_globally(self.trunk(images)))

    def third_party_keys(self, key: str) -> list[str]:
        first, _, rest = key.partition(".")
        return [f"{_THIRD_PARTY[first]}.{rest}"] if first in _THIRD_PARTY else []
