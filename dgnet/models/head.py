"""What a discriminative head is: a network that embeds pedestrians, whatever it is made of inside.

Heads live in `reid_heads`; what is here is all that the joint training, extraction, export and the heads' own training
know of them.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor, nn

Option = str | int | float | bool


class StageOutput(NamedTuple):
    """A distillation branch's `feature` `[batch, feature]` and `logits` `[batch, identity]`."""

    feature: Tensor
    logits: Tensor


class HeadOutput(NamedTuple):
    """What a head says of a batch of normalized images.

    Attributes:
        embedding: `[batch, embedding_size]`; ranking compares it after L2 normalization.
        metric_features: each `[batch, size]`, of the sizes `Head.metric_sizes`; metric losses compare them as they are.
        logits: each `[batch, identity]`, one per classifier.
        feature_map: `[batch, channel, h, w]`, the map that the (first) global feature is pooled from; DG-Net pools its
            appearance code from it.
        stages: self-distillation's branches from the shallowest stage to the deepest; empty for other heads and in
            evaluation mode.
    """

    embedding: Tensor
    metric_features: tuple[Tensor, ...]
    logits: tuple[Tensor, ...]
    feature_map: Tensor
    stages: tuple[StageOutput, ...] = ()


class Head(nn.Module, ABC):
    """A discriminative head.

    Args:
        name: the name it is built by (`reid_heads.models.registry`), such as "resnet50_ibn_a" or "mgn".
        identities: how many identities its classifiers tell apart.
        options: what else it was built with; name, identities and options rebuild it.
    """

    # Height and width in pixels that the head is usually trained at; other sizes work.
    usual_size: tuple[int, int] = (256, 128)
    # Numbers per image: of the embedding, of each metric feature, and channels of the feature map.
    embedding_size: int
    metric_sizes: tuple[int, ...]
    channels: int

    def __init__(self, name: str, identities: int, options: Mapping[str, Option]) -> None:
        super().__init__()
        self.name = name
        self.identities = identities
        self.options = dict(options)

    @abstractmethod
    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> HeadOutput:
        """Everything the losses read; training and evaluation mode differ only as their layers do."""

    @abstractmethod
    def embed(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch feature"]:
        """The embedding alone: what is deployed. No classifier and no branch is computed."""

    @abstractmethod
    def trunk_parameters(self) -> list[nn.Parameter]:
        """What ImageNet weights fill; all other parameters begin with random values."""

    def fresh_parameters(self) -> list[nn.Parameter]:
        """The parameters that are not the trunk's."""
        trunk = {id(parameter) for parameter in self.trunk_parameters()}
        return [parameter for parameter in self.parameters() if id(parameter) not in trunk]

    def deployed(self) -> "Head":
        """The head that gives the same embedding without what only training needs (self where there is nothing)."""
        return self


# Name, number of identities, file of initial weights (None: random) -> head. Tools hand it to DG-Net's training.
HeadBuilder = Callable[[str, int, Path | None], Head]
