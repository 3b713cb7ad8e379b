"""MGN (Wang et al., "Learning Discriminative Features with Multiple Granularities", ACM MM 2018).

A ResNet up to the first block of stage 3, then three branches: copies of the remaining blocks. Each branch is pooled
globally, the second and third also in horizontal stripes. Each pooled vector is reduced to 256 numbers and has its own
classifier.
"""

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from dgnet.core.errors import UserError
from dgnet.models.backbone import Backbone
from dgnet.models.registry import register_model
from dgnet.models.reid_model import Option, ReIDModel, ReIDOutput
from reid_heads.models.trunks import TrunkName, build_trunk

Stripes = Literal["1-2-3", "1-2-4", "1-3-4"]
Pooling = Literal["avg", "max"]
# Parts of the trunk by their names in files of MGN-pytorch, and by torchvision's.
_MGN_PYTORCH_STEM = {"0": "stem.0", "1": "stem.1", "4": "stages.0", "5": "stages.1", "6": "stages.2"}
_TORCHVISION_STEM = {"conv1": "stem.0", "bn1": "stem.1", "layer1": "stages.0", "layer2": "stages.1"}
POOLINGS: dict[str, Callable[..., Tensor]] = {"avg": F.adaptive_avg_pool2d, "max": F.adaptive_max_pool2d}


class Reduction(nn.Module):
    """`[batch, channel, 1, 1]` -> `[batch, feature]`: a 1x1 convolution without bias, batch norm, ReLU."""

    def __init__(self, channels: int, features: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, features, 1, bias=False)
        self.norm = nn.BatchNorm2d(features)
        nn.init.kaiming_normal_(self.convolution.weight, mode="fan_in")
        nn.init.normal_(self.norm.weight, mean=1.0, std=0.02)

    def forward(self, pooled: Float[Tensor, "batch channel 1 1"]) -> Float[Tensor, "batch feature"]:
        return F.relu(self.norm(self.convolution(pooled))).flatten(1)


@register_model("mgn")
class MGN(ReIDModel):
    """MGN; embedding and logits in the order g1 g2 g3, stripes of branch 2 from the top, stripes of branch 3.

    The three global features are the metric features.

    Args:
        stripes: how many horizontal stripes the branches are pooled into; the first is pooled as a whole.
        pooling: of globals and stripes. Sizes follow the feature map, so any input size works.
        features: numbers per global feature and stripe.
        trunk: which ResNet; published figures are resnet50's.
    """

    usual_size = (384, 128)
    adds_mirror_image = True
    trunk_parts = ("stem", "stages", "branches")
    third_party_classifier = "fc_id_2048_0.weight"

    def __init__(
        self,
        name: str,
        identities: int,
        *,
        stripes: Stripes = "1-2-3",
        pooling: Pooling = "avg",
        features: int = 256,
        trunk: TrunkName = "resnet50",
    ) -> None:
        options = {"stripes": stripes, "pooling": pooling, "features": features, "trunk": trunk}
        super().__init__(name, identities, options)
        if features < 1:
            raise UserError(f"features of MGN must be at least 1, got {features}")
        self.pooling: Pooling = pooling
        self.stripes = tuple(int(count) for count in stripes.split("-"))
        usual, unstrided = (build_trunk(trunk, last_stride) for last_stride in (2, 1))
        unstrided.load_state_dict(usual.state_dict())
        self.stem = nn.Sequential(*(usual.get_submodule(part) for part in ("conv1", "bn1", "relu", "maxpool")))
        self.stages = nn.ModuleList(usual.get_submodule(part) for part in ("layer1", "layer2", "layer3.0"))
        # Only the first branch halves the resolution in stage 4.
        self.branches = nn.ModuleList([_rest(usual), _rest(unstrided), deepcopy(_rest(unstrided))])
        parts = len(self.stripes) + sum(self.stripes[1:])
        self.channels = usual.channels
        self.embedding_size = parts * features
        self.metric_sizes = (features,) * len(self.stripes)
        self.reductions = nn.ModuleList(Reduction(self.channels, features) for _ in range(parts))
        self.classifiers = nn.ModuleList(_classifier(features, identities) for _ in range(parts))

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> ReIDOutput:
        maps = self.maps(images)
        features = self.reduce(maps)
        logits = tuple(classify(feature) for classify, feature in zip(self.classifiers, features, strict=True))
        return ReIDOutput(torch.cat(features, 1), tuple(features[: len(maps)]), logits, maps[0])

    def embed(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch feature"]:
        return torch.cat(self.reduce(self.maps(images)), 1)

    def maps(self, images: Float[Tensor, "batch 3 height width"]) -> list[Tensor]:
        """The feature map of each branch."""
        x = self.stem(images)
        for stage in self.stages:
            x = stage(x)
        return [branch(x) for branch in self.branches]

    def reduce(self, maps: list[Tensor]) -> list[Tensor]:
        """Globals, then stripes: each pooled and reduced, `[batch, features]`."""
        pool = POOLINGS[self.pooling]
        pooled = [pool(branch, 1) for branch in maps]
        for branch, count in zip(maps[1:], self.stripes[1:], strict=True):
            pooled.extend(pool(stripe, 1) for stripe in _stripes(branch, count))
        return [reduction(part) for reduction, part in zip(self.reductions, pooled, strict=True)]

    def trunk_keys(self, key: str) -> list[str]:
        first, _, rest = key.partition(".")
        if first in _TORCHVISION_STEM:
            return [f"{_TORCHVISION_STEM[first]}.{rest}"]
        if first == "layer4":
            return [f"branches.{branch}.1.{rest}" for branch in range(3)]
        if first == "layer3":
            block, _, entry = rest.partition(".")
            # The stem ends with the first block of stage 3; each branch continues with the second.
            if block == "0":
                return [f"stages.2.{entry}"]
            return [f"branches.{branch}.0.{int(block) - 1}.{entry}" for branch in range(3)]
        return []

    def third_party_keys(self, key: str) -> list[str]:
        if match := re.fullmatch(r"backone\.([01456])\.(.+)", key):  # spelled so in MGN-pytorch
            return [f"{_MGN_PYTORCH_STEM[match[1]]}.{match[2]}"]
        if match := re.fullmatch(r"p([123])\.(.+)", key):
            return [f"branches.{int(match[1]) - 1}.{match[2]}"]
        if match := re.fullmatch(r"reduction_(\d)\.([01])\.(.+)", key):
            return [f"reductions.{match[1]}.{('convolution', 'norm')[int(match[2])]}.{match[3]}"]
        if match := re.fullmatch(r"fc_id_2048_([012])\.(.+)", key):
            return [f"classifiers.{match[1]}.{match[2]}"]
        if match := re.fullmatch(r"fc_id_256_([12])_(\d)\.(.+)", key):
            before = 3 if match[1] == "1" else 3 + self.stripes[1]
            return [f"classifiers.{before + int(match[2])}.{match[3]}"]
        return []

    @classmethod
    def third_party_options(cls, state: Mapping[str, Tensor]) -> dict[str, Option]:
        second, third = (
            sum(bool(re.fullmatch(rf"fc_id_256_{branch}_\d\.weight", key)) for key in state) for branch in (1, 2)
        )
        features = len(state["reduction_0.0.weight"]) if "reduction_0.0.weight" in state else 256
        if second:
            return {"stripes": f"1-{second}-{third}", "features": features}
        # Without classifiers the number of parts tells: three globals, and the stripes of branches 2 and 3.
        parts = sum(bool(re.fullmatch(r"reduction_\d\.0\.weight", key)) for key in state)
        stripes = next((names for names in get_args(Stripes) if parts == sum(map(int, names.split("-"))) + 2), None)
        return {"features": features} | ({"stripes": stripes} if stripes else {})


def _stripes(feature_map: Tensor, count: int) -> list[Tensor]:
    """Horizontal stripes from the top, the windows of adaptive pooling: neighbors share a row where they must.

    Cut here because exporters know adaptive pooling only for heights that `count` divides.
    """
    height = feature_map.shape[2]
    return [feature_map[:, :, i * height // count : -(-(i + 1) * height // count)] for i in range(count)]


def _rest(network: Backbone) -> nn.Sequential:
    """Stage 3 without its first block, and stage 4."""
    third = list(network.get_submodule("layer3").children())
    return nn.Sequential(nn.Sequential(*third[1:]), network.get_submodule("layer4"))


def _classifier(features: int, identities: int) -> nn.Linear:
    classifier = nn.Linear(features, identities)
    nn.init.kaiming_uniform_(classifier.weight, mode="fan_out")
    nn.init.zeros_(classifier.bias)
    return classifier
