"""Self-distillation (Zhang et al., "Be Your Own Teacher", ICCV 2019): deeper stages of a BNNeck teach shallower ones.

Each stage has a branch that maps its output to the dimension of the last one. The branches are used in training only.
"""

from itertools import pairwise
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from dgnet.models.registry import register_model
from dgnet.models.reid_model import ReIDModel, ReIDOutput, StageOutput
from reid_heads.models.bnneck import BNNeck
from reid_heads.models.trunks import TRUNK_NAMES, pool_globally

STAGES = ("layer1", "layer2", "layer3", "layer4")
SUFFIX = "_kd"


def _halving(channels: int, wider: int) -> nn.Sequential:
    """A depthwise 3x3 convolution of stride 2 and a 1x1: half the resolution, like the stage that it replaces."""
    return nn.Sequential(
        nn.Conv2d(channels, channels, 3, stride=2, padding=1, groups=channels, bias=False),
        nn.Conv2d(channels, wider, 1, bias=False),
        nn.BatchNorm2d(wider),
        nn.ReLU(),
    )


class Branch(nn.Module):
    """A stage's feature map -> its feature, of the last stage's dimension, and logits.

    Args:
        widths: channels of the stage and of all stages after it.
    """

    def __init__(self, widths: list[int], identities: int) -> None:
        super().__init__()
        # No stage follows the last one: its branch is the pooling alone.
        self.layers = nn.Sequential(*(_halving(*pair) for pair in pairwise(widths)))
        self.classifier = nn.Linear(widths[-1], identities)

    def forward(self, feature_map: Float[Tensor, "batch channel height width"]) -> StageOutput:
        feature = pool_globally(self.layers(feature_map))
        return StageOutput(feature, self.classifier(feature))


@register_model(*(f"{name}{SUFFIX}" for name in TRUNK_NAMES))
class SelfDistillation(BNNeck):
    """A BNNeck with a branch on each of its first three stages; the losses are in `reid_heads.losses.distillation`.

    Feature and logits of the last stage are the model's own. Registered as the BNNeck's name with the suffix `_kd`.
    """

    distillation_stages = len(STAGES)

    def __init__(
        self, name: str, identities: int, *, last_stride: Literal[1, 2] = 1, stem_relu: bool | None = None
    ) -> None:
        super().__init__(name, identities, last_stride=last_stride, stem_relu=stem_relu)
        widths = [_width(self.trunk.get_submodule(stage)) for stage in STAGES]
        self.branches = nn.ModuleList(Branch(widths[stage:], identities) for stage in range(len(STAGES) - 1))

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> ReIDOutput:
        if not self.training:
            return super().forward(images)
        maps, x = {}, images
        for layer_name, layer in self.trunk.named_children():
            maps[layer_name] = x = layer(x)
        output = self.read(x)
        stages = [branch(maps[stage]) for branch, stage in zip(self.branches, STAGES[:-1], strict=True)]
        last = StageOutput(output.metric_features[0], output.logits[0])
        return output._replace(stages=(*stages, last))

    @classmethod
    def deployed_name(cls, name: str) -> str:
        return name.removesuffix(SUFFIX)

    def deployed(self) -> ReIDModel:
        """The plain BNNeck with these weights."""
        plain = BNNeck(self.deployed_name(self.name), self.identities, **self.options)  # type: ignore[arg-type]
        state = self.state_dict()
        plain.load_state_dict({key: state[key] for key in plain.state_dict()})
        example = next(self.parameters())
        return plain.to(example.device, example.dtype).train(self.training)


def _width(stage: nn.Module) -> int:
    """Output channels of a stage: those of its last batch norm's input."""
    block = list(stage.children())[-1]
    norms = [module for name, module in block.named_children() if name in ("bn2", "bn3")]
    assert isinstance(norms[-1], nn.BatchNorm2d)
    return norms[-1].num_features
