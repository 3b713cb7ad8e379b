"""IDE, the ID-discriminative embedding (Zheng et al., "Person Re-identification: Past, Present and Future", 2016).

DG-Net's teacher: a ResNet with one identity classifier, trained with cross-entropy alone.
"""

from typing import Literal

from jaxtyping import Float
from torch import Tensor

from dgnet.config.networks import BackboneName
from dgnet.models.appearance import pool_parts
from dgnet.models.backbone import Backbone
from dgnet.models.classifier import IdentityClassifier
from dgnet.models.registry import register_model
from dgnet.models.reid_model import ReIDModel, ReIDOutput


@register_model("ide")
class IDE(ReIDModel):
    """ResNet, global average pooling (the metric feature), bottleneck of 512 (the embedding), linear (the logits).

    Args:
        last_stride: of the last stage; 1 doubles the resolution of the feature map.
        upsample_below_height: images of at most this height are upsampled by 2 first (see `Backbone`).
        dropout: probability, before the logits.
    """

    adds_mirror_image = True  # as DG-Net tests its encoder
    trunk_parts = ("backbone",)

    def __init__(
        self,
        name: str,
        identities: int,
        *,
        backbone: BackboneName = "resnet50",
        last_stride: Literal[1, 2] = 2,
        upsample_below_height: int = 128,
        dropout: float = 0.5,
    ) -> None:
        options = {
            "backbone": backbone,
            "last_stride": last_stride,
            "upsample_below_height": upsample_below_height,
            "dropout": dropout,
        }
        super().__init__(name, identities, options)
        self.backbone = Backbone(backbone, last_stride, upsample_below_height)
        self.classifier = IdentityClassifier(self.backbone.channels, identities, dropout)
        self.channels = self.backbone.channels
        self.embedding_size = self.classifier.bottleneck.out_features
        self.metric_sizes = (self.channels,)

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> ReIDOutput:
        feature_map = self.backbone(images)
        feature = pool_parts(feature_map, "avg", 1)
        embedding, logits = self.classifier(feature)
        return ReIDOutput(embedding, (feature,), (logits,), feature_map)
