"""BNNeck baseline (Luo et al., "Bag of Tricks and A Strong Baseline for Deep Person Re-identification", CVPRW 2019)."""

from typing import Literal, cast

from jaxtyping import Float
from torch import Tensor, nn

from dgnet.models.registry import register_model
from dgnet.models.reid_model import ReIDModel, ReIDOutput
from reid_heads.models.trunks import TRUNK_NAMES, TrunkName, build_trunk, pool_globally

# Submodules by their names in files of the original baseline (reid-strong-baseline).
_THIRD_PARTY = {"base": "trunk", "bottleneck": "neck", "classifier": "classifier"}


# The baseline's own plain ResNets have no ReLU between the stem's norm and its pooling; its IBN-a one has.
_WITH_STEM_RELU: tuple[TrunkName, ...] = ("resnet50_ibn_a",)


@register_model(*TRUNK_NAMES)
class BNNeck(ReIDModel):
    """ResNet, global average pooling (the metric feature), batch norm (the embedding), linear (the logits).

    Metric losses see the feature before the batch norm, the classifier sees it after. The norm's bias stays 0 and the
    classifier has none, so that identities differ by direction alone.

    Args:
        last_stride: of the last stage; 1 doubles the resolution of the feature map.
        stem_relu: a ReLU behind the stem's norm, as torchvision has it; None: as the baseline has it.
    """

    third_party_classifier = "classifier.weight"

    def __init__(
        self, name: str, identities: int, *, last_stride: Literal[1, 2] = 1, stem_relu: bool | None = None
    ) -> None:
        trunk = cast(TrunkName, self.deployed_name(name))
        stem_relu = trunk in _WITH_STEM_RELU if stem_relu is None else stem_relu
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
        """The output for the trunk's feature map."""
        feature = pool_globally(feature_map)
        embedding = self.neck(feature)
        return ReIDOutput(embedding, (feature,), (self.classifier(embedding),), feature_map)

    def embed(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch feature"]:
        return self.neck(pool_globally(self.trunk(images)))

    def third_party_keys(self, key: str) -> list[str]:
        first, _, rest = key.partition(".")
        return [f"{_THIRD_PARTY[first]}.{rest}"] if first in _THIRD_PARTY else []
