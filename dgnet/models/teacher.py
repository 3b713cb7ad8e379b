"""The teacher: a plain identity classifier, trained beforehand, whose soft answers teach on generated images."""

from jaxtyping import Float
from torch import Tensor, nn

from dgnet.models.appearance import pool_parts
from dgnet.models.backbone import Backbone
from dgnet.models.classifier import IdentityClassifier, IdentityOutput


class Teacher(nn.Module):
    """ResNet, global average pooling, one classifier (dropout 0.5)."""

    def __init__(self, backbone: Backbone, identities: int, dropout: float = 0.5) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = IdentityClassifier(self.backbone.channels, identities, dropout)

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> IdentityOutput:
        return self.classifier(pool_parts(self.backbone(images), "avg", 1))
