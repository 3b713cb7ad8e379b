"""A DG-Net small enough to train in a blink, beside the naive oracle of it with the same weights.

The trunk is a ResNet-18 of an eighth of the width or less with one block a stage: the step's arithmetic does not see
its width. Everything is float64, so that two orders of summation agree to 1e-10 even behind a batch norm over three
images.
"""

from dataclasses import dataclass, field
from typing import Any, get_args

import pytest
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import resnet

from dgnet.config import Config, parse_config
from dgnet.core import pixels
from dgnet.core.device import Precision
from dgnet.core.distributed import Distributed
from dgnet.losses.soft_label import TeacherLabel
from dgnet.models.build import build_discriminator, build_generator, build_teacher
from dgnet.models.discriminator import MultiScaleDiscriminator
from dgnet.models.generator import Generator
from dgnet.models.reid_model import ReIDModel
from dgnet.official import weights as official
from dgnet.training.batch import JointBatch
from dgnet.training.optimizers import Optimizers
from dgnet.training.record import StepRecord
from dgnet.training.step import JointStep
from dgnet.training.teacher_ensemble import TeacherEnsemble
from tests.oracles.naive_config import NaiveConfig
from tests.oracles.naive_dgnet import TRUNK_CHANNELS
from tests.oracles.naive_step import NaiveDGNet

IDENTITIES = 5
HEIGHT, WIDTH = 64, 48  # a quarter of each side must exceed 9, the reach of the widest reflection
# A strided 1x1 convolution of fewer channels than a vector has numbers writes past the end of its weight gradient in
# oneDNN's AVX2 kernel (torch 2.14): the test process dies of a corrupt heap.
WIDTHS = (8, 8, 8, 16)
ROLES = ("x_a", "x_b", "xp_a", "xp_b")
# The generator's terms that say nothing about identity.
MADE_TERMS = (
    "adversarial",
    "self_reconstruction",
    "same_identity_reconstruction",
    "appearance_code",
    "structure_code",
    "cycle",
)
SMALL: dict[str, Any] = {
    "data.height": HEIGHT,
    "data.width": WIDTH,
    "data.erasing": 0,
    "appearance.backbone": "resnet18",
    "appearance.primary_dropout": 0,
    "appearance.fine_dropout": 0,
    "structure.channels": 2,
    "structure.residual_blocks": 1,
    "decoder.style_hidden": 16,
    "discriminator.channels": 4,
    "discriminator.residual_blocks": 1,
    "teacher.backbone": "resnet18",
    "teacher.dropout": 0,
    "loss.code_ramp_begin": 0,
    "loss.teacher_ramp_begin": 0,
    "loss.ramp_rate": 0.4,
    "schedule.step_size": 3,
    "run.batch_size": 3,
    "run.device": "cpu",
    "run.channels_last": False,
}


class NarrowTrunk(nn.Module):
    """torchvision's module names and basic blocks, few of them, with few channels."""

    def __init__(self, weights: None = None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, WIDTHS[0], 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(WIDTHS[0])
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        before = WIDTHS[0]
        for stage, channels in enumerate(WIDTHS, start=1):
            downsample = None
            if stage > 1:
                shortcut = nn.Conv2d(before, channels, 1, stride=2, bias=False)
                downsample = nn.Sequential(shortcut, nn.BatchNorm2d(channels))
            block = resnet.BasicBlock(before, channels, stride=1 if stage == 1 else 2, downsample=downsample)
            self.add_module(f"layer{stage}", nn.Sequential(block))
            before = channels
        self.fc = nn.Linear(before, 1)


def narrow_trunks(patch: pytest.MonkeyPatch) -> None:
    """Make "resnet18" mean the narrow trunk, for our networks and for the oracle's."""
    patch.setattr(resnet, "resnet18", NarrowTrunk)
    patch.setattr(torchvision.models, "resnet18", NarrowTrunk)
    patch.setitem(TRUNK_CHANNELS, "resnet18", WIDTHS[-1])


def small_config(changes: dict[str, Any] | None = None) -> Config:
    """The small configuration with some settings changed, by their dotted names."""
    values: dict[str, Any] = {}
    for key, value in (SMALL | (changes or {})).items():
        section, name = key.split(".")
        values.setdefault(section, {})[name] = value
    return parse_config(values, "test")


def quick_config(changes: dict[str, Any] | None = None) -> Config:
    """The same with images that enter the trunks as they are, not doubled: a quarter of their arithmetic."""
    return small_config({"appearance.upsample_below_height": 0, "teacher.upsample_below_height": 0} | (changes or {}))


def naive_config(config: Config, teachers: int) -> NaiveConfig:
    """The same settings in the oracle's words."""
    c = config
    return NaiveConfig(
        identities=IDENTITIES,
        trunk=c.appearance.backbone,
        pool=c.appearance.pooling,
        appearance_stride=c.appearance.last_stride,
        dropouts=(c.appearance.primary_dropout, c.appearance.fine_dropout),
        structure_input={"gray": "gray", "edge": "edge"}[c.structure.input],
        edges=pixels.edge,
        structure_dim=c.structure.channels,
        structure_residuals=c.structure.residual_blocks,
        mlp_dim=c.decoder.style_hidden,
        discriminator_dim=c.discriminator.channels,
        discriminator_residuals=c.discriminator.residual_blocks,
        scales=c.discriminator.scales,
        teachers=teachers,
        teacher_trunk=c.teacher.backbone,
        teacher_stride=c.teacher.last_stride,
        teacher_style=get_args(TeacherLabel).index(c.teacher.label),
        train_bn=c.loss.batch_statistics_when_frozen,
        gan_type=c.discriminator.kind,
        penalty=c.discriminator.gradient_penalty,
        gan_w=c.loss.adversarial,
        recon_x_w=c.loss.self_reconstruction,
        recon_xp_w=c.loss.same_identity_reconstruction,
        id_w=c.loss.identity,
        pid_w=c.loss.positive_identity,
        recon_id_w=c.loss.generated_identity,
        teaching_w=c.loss.soft_label,
        fine_w=c.loss.fine_grained,
        warm_iter=c.loss.code_ramp_begin,
        warm_scale=c.loss.ramp_rate,
        warm_teacher_iter=c.loss.teacher_ramp_begin,
        max_w=c.loss.structure_code,
        max_cyc_w=c.loss.cycle,
        max_teacher_w=c.loss.teacher_factor,
        step_size=c.schedule.step_size,
        gamma=c.schedule.generator_gamma,
        gamma2=c.schedule.appearance_gamma,
    )


@dataclass
class SmallTraining:
    """Our networks, their step, and the gradients that the last call stepped on, by network and parameter."""

    generator: Generator
    discriminator: MultiScaleDiscriminator
    teachers: list[ReIDModel]
    step: JointStep
    gradients: dict[str, dict[str, Tensor]] = field(default_factory=dict)

    def __call__(self, batch: JointBatch, iteration: int = 5, train_structure_encoder: bool = True) -> StepRecord:
        self.gradients.clear()
        device = self.step.distributed.device
        erased = None if batch.erased is None else batch.erased.to(device)
        batch = JointBatch(batch.real.to(device), erased, batch.labels.to(device))
        return self.step(batch, iteration, train_structure_encoder)

    def states(self) -> dict[str, dict[str, Tensor]]:
        """Parameters and buffers, copied to the CPU."""
        networks = {"generator": self.generator, "discriminator": self.discriminator}
        return {
            name: {k: v.to("cpu", copy=True) for k, v in net.state_dict().items()} for name, net in networks.items()
        }


def small_training(
    config: Config,
    teachers: int = 1,
    seed: int = 0,
    dtype: torch.dtype = torch.float64,
    distributed: Distributed | None = None,
) -> SmallTraining:
    """Fresh networks in training mode, the same for the same seed."""
    distributed = distributed or Distributed.start("cpu")
    torch.manual_seed(seed)
    generator, discriminator = build_generator(config, IDENTITIES), build_discriminator(config)
    asked = [build_teacher(config.teacher, IDENTITIES).eval() for _ in range(teachers)]
    for layer in discriminator.modules():
        # Its own initial weights fade out in a network as narrow as this.
        if isinstance(layer, nn.Conv2d):
            layer.reset_parameters()
    for network in (generator, discriminator, *asked):
        network.to(distributed.device, dtype)
    generator.train(), discriminator.train()
    optimizers = Optimizers(generator, discriminator, config)
    phases = tuple(Precision(config.run.precision, distributed.device) for _ in range(2))
    teaching = TeacherEnsemble(asked, config.teacher.label, config.loss.batch_statistics_when_frozen, IDENTITIES)
    step = JointStep(generator, discriminator, teaching, optimizers, phases, distributed, config)
    training = SmallTraining(generator, discriminator, asked, step)
    watch(training.gradients, "discriminator", discriminator, optimizers.discriminator)
    watch(training.gradients, "generator", generator, *optimizers.of_generator)
    return training


def watch(
    kept: dict[str, dict[str, Tensor]], name: str, network: nn.Module, *optimizers: torch.optim.Optimizer
) -> None:
    """Before every step of an optimizer keep the gradients of its own parameters in `kept[name]`."""

    def keep(optimizer: torch.optim.Optimizer, *_: object) -> None:
        own = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        for key, parameter in network.named_parameters():
            if id(parameter) in own and parameter.grad is not None:
                kept.setdefault(name, {})[key] = parameter.grad.to("cpu", copy=True)

    for optimizer in optimizers:
        optimizer.register_step_pre_hook(keep)


def small_naive(config: Config, ours: SmallTraining, seed: int = 0) -> NaiveDGNet:
    """The oracle in float64; `ours` gets its weights."""
    torch.manual_seed(seed)
    naive = NaiveDGNet(naive_config(config, max(1, len(ours.teachers)))).to(torch.float64)
    ours.generator.load_state_dict(official.generator_state(naive.gen.state_dict(), naive.id.state_dict()))
    ours.discriminator.load_state_dict(official.discriminator_state(naive.dis.state_dict()))
    for mine, theirs in zip(ours.teachers, naive.teachers, strict=False):
        mine.load_state_dict(official.appearance_state(theirs.state_dict()))
    return naive


def random_batch(
    seed: int = 0, batch: int = 3, erasing: bool = False, dtype: torch.dtype = torch.float64
) -> JointBatch:
    """Coarse blocks and fine noise, as normalized images have them; the halves share no identity."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(4, batch, 3, HEIGHT // 8, WIDTH // 8, generator=generator, dtype=dtype)
    real = coarse.repeat_interleave(8, 3).repeat_interleave(8, 4)
    real = real + 0.3 * torch.randn(real.shape, generator=generator, dtype=dtype)
    erased = None
    if erasing:
        blank = torch.rand(4, batch, 1, HEIGHT // 16, WIDTH // 16, generator=generator) < 0.3
        erased = real.masked_fill(blank.repeat_interleave(16, 3).repeat_interleave(16, 4), 0.0)
    labels = torch.stack([torch.randperm(IDENTITIES, generator=generator) for _ in range(2)])
    return JointBatch(real, erased, labels[:, torch.arange(batch) % IDENTITIES])


def apart(first: dict[str, Tensor], second: dict[str, Tensor]) -> float:
    """The largest relative difference of any tensor; those a thousand times below the largest one are held to that."""
    assert first.keys() == second.keys(), first.keys() ^ second.keys()
    norms = {key: value.double().norm().item() for key, value in second.items()}
    least = 1e-3 * max(norms.values())
    return max((first[key] - value).double().norm().item() / max(norms[key], least) for key, value in second.items())
