"""DG-Net's networks, word by word: one plain module per paragraph of the paper, nothing merged.

The attribute names are those of the official release, so that its state dicts load without a key mapping. Instance
and adaptive norm are torch's own calls, as they were there: the baseline of a benchmark must be honest. `slow_norms`
spells them out.
"""

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, nn

SLOPE = 0.2
NORM_EPSILON = 1e-5
CODE_PARTS = 4
TRUNK_CHANNELS = {"resnet18": 512, "resnet34": 512, "resnet50": 2048, "resnet101": 2048}


class AdaptiveNorm(nn.Module):
    """Instance norm with a gain and a bias per sample and channel. The buffers are in checkpoints, and never move."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor, gain: Tensor, bias: Tensor) -> Tensor:
        batch, channels = x.shape[:2]
        flat = x.contiguous().view(1, batch * channels, *x.shape[2:])
        means, variances = self.running_mean.repeat(batch), self.running_var.repeat(batch)
        flat = F.batch_norm(flat, means, variances, gain.reshape(-1), bias.reshape(-1), True, 0.1, NORM_EPSILON)
        return flat.view_as(x)


class WholeNorm(nn.Module):
    """The decoder's layer norm: each sample by its mean and unbiased deviation; gain and bias per channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.rand(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        flat = x.reshape(x.shape[0], -1)
        mean, deviation = flat.mean(dim=1).view(-1, 1, 1, 1), flat.std(dim=1).view(-1, 1, 1, 1)
        x = (x - mean) / (deviation + NORM_EPSILON)
        return x * self.gamma.view(1, -1, 1, 1) + self.beta.view(1, -1, 1, 1)


class Conv(nn.Module):
    """Reflection padding, convolution with bias, norm (none, instance, adaptive, layer), leaky ReLU or nothing."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        size: int,
        stride: int = 1,
        dilation: int = 1,
        norm: str = "none",
        activate: bool = True,
    ) -> None:
        super().__init__()
        self.padding = dilation * (size - 1) // 2
        self.norm_kind, self.activate = norm, activate
        if norm == "adaptive":
            self.norm = AdaptiveNorm(outputs)
        if norm == "layer":
            self.norm = WholeNorm(outputs)
        self.conv = nn.Conv2d(inputs, outputs, size, stride, dilation=dilation)

    def forward(self, x: Tensor, gain: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        x = self.conv(F.pad(x, [self.padding] * 4, mode="reflect"))
        if self.norm_kind == "instance":
            x = F.instance_norm(x, eps=NORM_EPSILON)
        elif self.norm_kind == "adaptive":
            x = self.norm(x, gain, bias)
        elif self.norm_kind == "layer":
            x = self.norm(x)
        return F.leaky_relu(x, SLOPE) if self.activate else x


class Residual(nn.Module):
    """Two 3x3 blocks, the second without activation, around a skip connection."""

    def __init__(self, channels: int, norm: str) -> None:
        super().__init__()
        first = Conv(channels, channels, 3, norm=norm)
        self.model = nn.ModuleList([first, Conv(channels, channels, 3, norm=norm, activate=False)])

    def forward(self, x: Tensor, gain: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        if gain is None:
            return x + self.model[1](self.model[0](x))
        half = gain.shape[1] // 2
        inner = self.model[0](x, gain[:, :half], bias[:, :half])
        return x + self.model[1](inner, gain[:, half:], bias[:, half:])


class Residuals(nn.Module):
    """Residual blocks in a row; with adaptive norm each takes its own gain and bias."""

    def __init__(self, count: int, channels: int, norm: str) -> None:
        super().__init__()
        self.model = nn.ModuleList([Residual(channels, norm) for _ in range(count)])

    def forward(self, x: Tensor, gains: list | None = None, biases: list | None = None) -> Tensor:
        for index, block in enumerate(self.model):
            x = block(x) if gains is None else block(x, gains[index], biases[index])
        return x


class Dilations(nn.Module):
    """Four views of the same map (1x1, and 3x3 with dilation 3, 6, 9), side by side, fused by 1x1."""

    def __init__(self, inputs: int, branch: int, outputs: int) -> None:
        super().__init__()

        def dilated(dilation: int) -> nn.Sequential:
            last = Conv(branch, branch, 3, dilation=dilation, activate=False, norm="instance")
            return nn.Sequential(Conv(inputs, branch, 1, norm="instance"), last)

        self.conv1 = Conv(inputs, branch, 1, activate=False, norm="instance")
        self.conv6, self.conv12, self.conv18 = dilated(3), dilated(6), dilated(9)
        self.fuse = Conv(4 * branch, outputs, 1, activate=False, norm="instance")

    def forward(self, x: Tensor) -> Tensor:
        return self.fuse(torch.cat([self.conv1(x), self.conv6(x), self.conv12(x), self.conv18(x)], dim=1))


class StructureEncoder(nn.Module):
    """One channel in, 8 x `dim` channels at a quarter of the size out."""

    def __init__(self, dim: int, residuals: int) -> None:
        super().__init__()
        self.model = nn.Sequential(
            Conv(1, dim, 3, stride=2, norm="instance"),
            Conv(dim, 2 * dim, 3, norm="instance"),
            Conv(2 * dim, 2 * dim, 3, norm="instance"),
            Conv(2 * dim, 4 * dim, 3, stride=2, norm="instance"),
            Residuals(residuals, 4 * dim, "instance"),
            Dilations(4 * dim, 2 * dim, 8 * dim),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class Decoder(nn.Module):
    """Structure code and the norms' gains and biases to an image. Steps 0, 2 and 4 of the list hold no weights."""

    def __init__(self, channels: int, residuals: int) -> None:
        super().__init__()
        quarter = channels // 4
        self.model = nn.ModuleList(
            [
                nn.Identity(),
                Residuals(residuals, channels, "adaptive"),
                nn.Identity(),
                Conv(channels, channels // 2, 5, norm="layer"),
                nn.Identity(),
                Conv(channels // 2, quarter, 5, norm="layer"),
                Conv(quarter, quarter, 3),
                Conv(quarter, quarter, 3),
                Conv(quarter, 3, 1, activate=False),
            ]
        )

    def forward(self, structure: Tensor, gains: list, biases: list) -> Tensor:
        x = self.model[1](structure, gains, biases)
        for block in (self.model[3], self.model[5]):
            x = block(F.interpolate(x, scale_factor=2, mode="nearest"))
        return self.model[8](self.model[7](self.model[6](x)))


class Linear(nn.Module):
    """Linear, with a leaky ReLU or without."""

    def __init__(self, inputs: int, outputs: int, activate: bool) -> None:
        super().__init__()
        self.fc = nn.Linear(inputs, outputs)
        self.activate = activate

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc(x)
        return F.leaky_relu(x, SLOPE) if self.activate else x


class Mlp(nn.Module):
    """A slice of the appearance code to the gains (or biases) of one residual block's two norms."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.model = nn.Sequential(
            Linear(inputs, hidden, True), Linear(hidden, hidden, True), Linear(hidden, outputs, False)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x)


class Generator(nn.Module):
    """Structure encoder, decoder, and the eight small networks between the appearance code and the decoder."""

    def __init__(self, trunk_channels: int, dim: int, mlp_dim: int, residuals: int) -> None:
        super().__init__()
        self.enc_content = StructureEncoder(dim, residuals)
        self.dec = Decoder(8 * dim, CODE_PARTS)
        self.slice = trunk_channels
        for part in range(1, CODE_PARTS + 1):
            self.add_module(f"mlp_w{part}", Mlp(trunk_channels, mlp_dim, 16 * dim))
        for part in range(1, CODE_PARTS + 1):
            self.add_module(f"mlp_b{part}", Mlp(trunk_channels, mlp_dim, 16 * dim))

    def decode(self, structure: Tensor, appearance: Tensor) -> Tensor:
        gains, biases = [], []
        for part in range(1, CODE_PARTS + 1):
            piece = appearance[:, self.slice * (part - 1) : self.slice * part]
            gains.append(getattr(self, f"mlp_w{part}")(piece))
            biases.append(getattr(self, f"mlp_b{part}")(piece))
        return self.dec(structure, gains, biases)


class Discriminator(nn.Module):
    """The same stack of convolutions at three scales, each with its own weights; returns one map per scale."""

    def __init__(self, dim: int, residuals: int, scales: int) -> None:
        super().__init__()
        self.cnns = nn.ModuleList([self.one_scale(dim, residuals) for _ in range(scales)])

    @staticmethod
    def one_scale(dim: int, residuals: int) -> nn.Sequential:
        blocks = [Conv(3, dim, 1), Conv(dim, dim, 3), Conv(dim, dim, 3, stride=2), Conv(dim, dim, 3)]
        blocks += [Conv(dim, 2 * dim, 3, stride=2)]
        blocks += [Residual(2 * dim, "none") for _ in range(residuals)]
        return nn.Sequential(*blocks, nn.Conv2d(2 * dim, 1, 1))

    def forward(self, x: Tensor) -> list[Tensor]:
        outputs = []
        for stack in self.cnns:
            outputs.append(stack(x))
            x = F.avg_pool2d(x, 3, stride=2, padding=1, count_include_pad=False)
        return outputs


class Classifier(nn.Module):
    """Linear, batch norm, dropout, linear."""

    def __init__(self, inputs: int, identities: int, dropout: float, bottleneck: int = 512) -> None:
        super().__init__()
        middle = [nn.Linear(inputs, bottleneck), nn.BatchNorm1d(bottleneck)]
        if dropout > 0:
            middle.append(nn.Dropout(dropout))
        self.add_block = nn.Sequential(*middle)
        self.classifier = nn.Sequential(nn.Linear(bottleneck, identities))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.add_block(x))


def trunk(name: str, last_stride: int) -> nn.Module:
    """torchvision's residual network with random weights; `last_stride` is the stride of its last stage."""
    model = getattr(torchvision.models, name)(weights=None)
    first = model.layer4[0]
    (first.conv2 if name in ("resnet50", "resnet101") else first.conv1).stride = (last_stride, last_stride)
    first.downsample[0].stride = (last_stride, last_stride)
    return model


def trunk_features(model: nn.Module, x: Tensor) -> Tensor:
    """The feature map in front of the global pooling."""
    x = model.maxpool(model.relu(model.bn1(model.conv1(x))))
    return model.layer4(model.layer3(model.layer2(model.layer1(x))))


class AppearanceEncoder(nn.Module):
    """Image -> appearance code (channel, part), detached, and the logits of the two classifiers."""

    def __init__(self, name: str, identities: int, pool: str, last_stride: int, dropouts: tuple[float, float]) -> None:
        super().__init__()
        self.model = trunk(name, last_stride)
        channels = TRUNK_CHANNELS[name]
        self.classifier1 = Classifier(channels, identities, dropouts[0])
        self.classifier2 = Classifier(channels, identities, dropouts[1])
        self.pool = {"avg": F.adaptive_avg_pool2d, "max": F.adaptive_max_pool2d}[pool]

    def forward(self, x: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        x = trunk_features(self.model, x)
        code = self.pool(x, (CODE_PARTS, 1)).flatten(1).detach()
        pooled = self.pool(x, (1, 1)).flatten(1)
        return code, (self.classifier1(pooled), self.classifier2(pooled))


class Teacher(nn.Module):
    """A plain classifier of identities: trunk, average pooling, one classifier."""

    def __init__(self, name: str, identities: int, last_stride: int, dropout: float) -> None:
        super().__init__()
        self.model = trunk(name, last_stride)
        self.classifier = Classifier(TRUNK_CHANNELS[name], identities, dropout)

    def forward(self, x: Tensor) -> Tensor:
        x = F.adaptive_avg_pool2d(trunk_features(self.model, x), (1, 1)).flatten(1)
        return self.classifier(x)
