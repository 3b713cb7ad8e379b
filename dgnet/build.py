"""Configuration -> networks."""

from torch import nn

from dgnet.config import Config, TeacherConfig, TrunkConfig
from dgnet.models.appearance import PARTS, AppearanceEncoder
from dgnet.models.backbone import Backbone, load_imagenet
from dgnet.models.decoder import Decoder
from dgnet.models.discriminator import MultiScaleDiscriminator
from dgnet.models.generator import Generator
from dgnet.models.initial import initialise_kaiming, initialise_normal
from dgnet.models.structure import StructureEncoder
from dgnet.models.teacher import Teacher


def build_backbone(config: TrunkConfig, pretrained: bool = True) -> Backbone:
    """A trunk, filled from the ImageNet file that the configuration names (unless `pretrained` is False)."""
    backbone = Backbone(config.backbone, config.last_stride, config.double_up_to_height)
    if pretrained and config.weights is not None:
        load_imagenet(backbone, config.weights)
    return backbone


def build_generator(config: Config, identities: int, pretrained: bool = True) -> Generator:
    """Appearance encoder, structure encoder and decoder with fresh weights.

    Args:
        pretrained: read the trunk's ImageNet file; False when a checkpoint is loaded into the networks anyway.
    """
    appearance = AppearanceEncoder(
        build_backbone(config.appearance, pretrained),
        identities,
        pooling=config.appearance.pooling,
        primary_dropout=config.appearance.primary_dropout,
        fine_dropout=config.appearance.fine_dropout,
    )
    structure = StructureEncoder(config.structure.channels, config.structure.residual_blocks)
    decoder = Decoder(
        structure.code_channels,
        PARTS * appearance.backbone.channels // config.decoder.residual_blocks,
        config.decoder.style_hidden,
        config.decoder.residual_blocks,
        config.decoder.standardise_code,
    )
    initialise_kaiming(structure)
    initialise_kaiming(decoder)
    decoder.style.scale_output(config.decoder.initial_style)
    return Generator(appearance, structure, decoder, config.structure.input)


def build_discriminator(config: Config) -> MultiScaleDiscriminator:
    """The discriminator with fresh weights (normal, deviation 0.02)."""
    discriminator = MultiScaleDiscriminator(
        config.discriminator.channels, config.discriminator.residual_blocks, config.discriminator.scales
    )
    initialise_normal(discriminator, 0.02)
    return discriminator


def build_teacher(config: TeacherConfig, identities: int, pretrained: bool = True) -> Teacher:
    """A teacher with fresh weights behind the trunk's."""
    return Teacher(build_backbone(config, pretrained), identities, config.dropout)


def parameter_count(network: nn.Module) -> int:
    """Numbers that training moves."""
    return sum(parameter.numel() for parameter in network.parameters())
