"""Appearance encoder: image -> appearance code for the decoder, and two identity classifiers on the same trunk."""

from typing import NamedTuple

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from dgnet.config.networks import Pooling
from dgnet.models.backbone import Backbone
from dgnet.models.classifier import IdentityClassifier, IdentityOutput
from dgnet.models.reid_model import ReIDModel

PARTS = 4


class AppearanceOutput(NamedTuple):
    """`code` `[batch, channel * 4]`; the outputs of the primary and of the fine-grained (`fine`) classifier.

    The primary classifier is trained to see the clothes, the fine-grained one to see everything else.
    """

    code: Tensor
    primary: IdentityOutput
    fine: IdentityOutput


def pool_parts(features: Tensor, pooling: Pooling, parts: int) -> Tensor:
    """`[batch, channel, h, w]` -> `[batch, channel * parts]`, horizontal parts innermost."""
    pool = F.adaptive_max_pool2d if pooling == "max" else F.adaptive_avg_pool2d
    return pool(features, (parts, 1)).flatten(1)


class AppearanceEncoder(nn.Module):
    """DG-Net's E_a (Zheng et al., CVPR 2019, Sec. 3.1 and 3.3).

    The code is pooled in four horizontal parts; the input of the classifiers is pooled globally.
    """

    def __init__(
        self,
        backbone: Backbone,
        identities: int,
        *,
        pooling: Pooling = "max",
        primary_dropout: float = 0.5,
        fine_dropout: float = 0.75,
    ) -> None:
        super().__init__()
        self.backbone: Backbone | ReIDModel = backbone
        self.pooling: Pooling = pooling
        self.code_size = PARTS * backbone.channels
        self.primary = IdentityClassifier(backbone.channels, identities, primary_dropout)
        self.fine = IdentityClassifier(backbone.channels, identities, fine_dropout)

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> AppearanceOutput:
        features = self.backbone(images)
        code = pool_parts(features, self.pooling, PARTS)
        pooled = pool_parts(features, self.pooling, 1)
        return AppearanceOutput(code, self.primary(pooled), self.fine(pooled))

    def trunk_parameters(self) -> list[nn.Parameter]:
        """The parameters that ImageNet weights fill; the others begin with random values and have a higher rate."""
        return list(self.backbone.parameters())

    def fresh_parameters(self) -> list[nn.Parameter]:
        """The classifiers' parameters."""
        return [*self.primary.parameters(), *self.fine.parameters()]


class ReIDAppearanceEncoder(AppearanceEncoder):
    """A re-ID model as DG-Net's appearance encoder, and so as the student of its teacher.

    The code is pooled from the model's feature map. The primary classifier is the model's own (the mean of its logits,
    if it has several); the fine-grained one is added.
    """

    def __init__(self, model: ReIDModel, *, pooling: Pooling = "max", fine_dropout: float = 0.75) -> None:
        nn.Module.__init__(self)
        self.backbone = model
        self.pooling: Pooling = pooling
        self.code_size = PARTS * model.channels
        self.fine = IdentityClassifier(model.channels, model.identities, fine_dropout)

    @property
    def model(self) -> ReIDModel:
        """The re-ID model; the joint training calls it the backbone and may replace its batch norms."""
        assert isinstance(self.backbone, ReIDModel)
        return self.backbone

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> AppearanceOutput:
        output = self.model(images)
        code = pool_parts(output.feature_map, self.pooling, PARTS)
        primary = IdentityOutput(output.embedding, output.mean_logits)
        return AppearanceOutput(code, primary, self.fine(pool_parts(output.feature_map, self.pooling, 1)))

    def trunk_parameters(self) -> list[nn.Parameter]:
        return self.model.trunk_parameters()

    def fresh_parameters(self) -> list[nn.Parameter]:
        return [*self.model.fresh_parameters(), *self.fine.parameters()]
