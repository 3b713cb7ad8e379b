"""The interface of a re-ID model: a network that embeds pedestrians and classifies their identities.

The models are in `reid_heads.models`, registered by name (`dgnet.models.registry`). Joint training, teacher, feature
extraction, export and the training of the models themselves know only what is here.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

Option = str | int | float | bool


class StageOutput(NamedTuple):
    """A distillation branch's `feature` `[batch, feature]` and `logits` `[batch, identity]`."""

    feature: Tensor
    logits: Tensor


class ReIDOutput(NamedTuple):
    """A re-ID model's output for a batch of normalized images.

    Attributes:
        embedding: `[batch, embedding_size]`; ranking compares it after L2 normalization.
        metric_features: each `[batch, size]`, of the sizes `ReIDModel.metric_sizes`; metric losses compare them as they
            are.
        logits: each `[batch, identity]`, one per classifier.
        feature_map: `[batch, channel, h, w]`, the map that the (first) global feature is pooled from; DG-Net pools its
            appearance code from it.
        stages: self-distillation's branches from the shallowest stage to the deepest; empty for other models and in
            evaluation mode.
    """

    embedding: Tensor
    metric_features: tuple[Tensor, ...]
    logits: tuple[Tensor, ...]
    feature_map: Tensor
    stages: tuple[StageOutput, ...] = ()

    @property
    def mean_logits(self) -> Tensor:
        """`[batch, identity]`: the mean over the classifiers."""
        return torch.stack(self.logits).mean(0)


class ReIDModel(nn.Module, ABC):
    """A re-ID model, built by `dgnet.models.registry.build_model`.

    A subclass sets `channels`, `embedding_size` and `metric_sizes`, and holds its trunk as `self.trunk` (or names its
    parts in `trunk_parts`): published weights of the trunk, such as torchvision's ImageNet files, fill these.

    Args:
        name: the name it is registered under, such as "resnet50_ibn_a" or "mgn".
        identities: number of training identities: the size of the logits.
        options: everything else it is built with; name, identities and options rebuild it.
    """

    # Usual height and width of the training images in pixels; other sizes work.
    usual_size: tuple[int, int] = (256, 128)
    # Whether the published figures are of image and mirror image, their embeddings added.
    adds_mirror_image: bool = False
    # Number of self-distillation stages in the output; 0: no self-distillation.
    distillation_stages: int = 0
    # Submodules that weights of the trunk fill; all other parameters begin with random values.
    trunk_parts: tuple[str, ...] = ("trunk",)
    # Entry of another system's state dict that has a row per identity; None: no such files are known.
    third_party_classifier: str | None = None

    # Where its initial weights come from, in words; empty for random ones.
    initial_weights: str = ""
    # Identities and names of the classes of the classifier among them, as far as the file tells; None: it is new.
    initial_classes: tuple[tuple[int, ...], tuple[str, ...]] | None = None

    # Numbers per image: of the embedding and of each metric feature; channels of the feature map.
    embedding_size: int
    metric_sizes: tuple[int, ...]
    channels: int

    def __init__(self, name: str, identities: int, options: Mapping[str, Option]) -> None:
        super().__init__()
        self.name = name
        self.identities = identities
        self.options = dict(options)

    @abstractmethod
    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> ReIDOutput:
        """Everything the losses need; training and evaluation mode differ only as their layers do."""

    def embed(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch feature"]:
        """The embedding alone; override it where that saves computing the classifiers."""
        return self(images).embedding

    def trunk_parameters(self) -> list[nn.Parameter]:
        """The parameters that weights of the trunk fill."""
        return [parameter for part in self.trunk_parts for parameter in self.get_submodule(part).parameters()]

    def fresh_parameters(self) -> list[nn.Parameter]:
        """All other parameters: they begin with random values."""
        trunk = {id(parameter) for parameter in self.trunk_parameters()}
        return [parameter for parameter in self.parameters() if id(parameter) not in trunk]

    def trunk_state(self) -> dict[str, Tensor]:
        """The state dict of the trunk under the trunk's own keys; of a trunk in several parts the first part's."""
        return self.get_submodule(self.trunk_parts[0]).state_dict()

    def deployed(self) -> "ReIDModel":
        """The model that gives the same embedding without what only training needs (self where there is nothing)."""
        return self

    @classmethod
    def deployed_name(cls, name: str) -> str:
        """The name of what `deployed` returns."""
        return name

    def trunk_keys(self, key: str) -> list[str]:
        """Where the entry `key` of a trunk's own state dict ("layer1.0.conv1.weight") goes in this model's.

        More than one place where the trunk is there in copies; none for an entry that has no place.
        """
        return [f"{self.trunk_parts[0]}.{key}"]

    def third_party_keys(self, key: str) -> list[str]:
        """Where the entry `key` of another system's state dict goes in this model's; none where it has no place."""
        return []

    @classmethod
    def third_party_options(cls, state: Mapping[str, Tensor]) -> dict[str, Option]:
        """The options that another system's state dict tells by its shapes."""
        return {}
