"""Configuration -> networks."""

from torch import nn

from dgnet.config import Config
from dgnet.config.networks import AppearanceConfig, TeacherConfig, TrunkConfig
from dgnet.core.errors import UserError
from dgnet.models.appearance import AppearanceEncoder, ReIDAppearanceEncoder
from dgnet.models.backbone import Backbone
from dgnet.models.decoder import Decoder
from dgnet.models.discriminator import MultiScaleDiscriminator
from dgnet.models.generator import Generator
from dgnet.models.initialization import initialize_kaiming, initialize_normal
from dgnet.models.parts import PartDecoder, PartEncoder
from dgnet.models.pretrained import load_backbone, load_pretrained
from dgnet.models.registry import build_model
from dgnet.models.reid_model import ReIDModel
from dgnet.models.structure import StructureEncoder


def build_backbone(config: TrunkConfig, pretrained: bool = True) -> Backbone:
    """A trunk, filled from the file that the configuration names (unless `pretrained` is False)."""
    backbone = Backbone(config.backbone, config.last_stride, config.upsample_below_height)
    if pretrained and config.weights is not None:
        load_backbone(backbone, config.weights)
    return backbone


def build_appearance(config: AppearanceConfig, identities: int, pretrained: bool = True) -> AppearanceEncoder:
    """DG-Net's own appearance encoder, or the re-ID model that `appearance.model` names.

    Raises:
        UserError: as `build_model` and `load_pretrained`; also for a model with self-distillation, whose branches would
            not be trained.
    """
    if config.model is None:
        return AppearanceEncoder(
            build_backbone(config, pretrained),
            identities,
            pooling=config.pooling,
            primary_dropout=config.primary_dropout,
            fine_dropout=config.fine_dropout,
        )
    model = build_model(config.model, identities)
    _refuse_self_distillation(model, "appearance.model")
    if pretrained and config.weights is not None:
        load_pretrained(model, config.weights, config.new_classifier)
    return ReIDAppearanceEncoder(model, pooling=config.pooling, fine_dropout=config.fine_dropout)


def build_generator(config: Config, identities: int, pretrained: bool = True) -> Generator:
    """Appearance encoder, structure encoder and decoder with fresh weights.

    Args:
        pretrained: read the trunk's ImageNet file; False when a checkpoint is loaded into the networks anyway.
    """
    appearance = build_appearance(config.appearance, identities, pretrained)
    image_channels = 4 if config.structure.input == "contour" else 1
    structure: StructureEncoder | PartEncoder
    decoder: Decoder | PartDecoder
    if config.decoder.kind == "parts":
        structure = PartEncoder(
            config.structure.channels, config.decoder.parts, image_channels, config.decoder.mask_stride
        )
        decoder = PartDecoder(config.decoder.parts, config.decoder.detail_gain, config.decoder.mask_stride)
        return Generator(appearance, structure, decoder, config.structure.input)
    short = config.short_training
    structure = StructureEncoder(
        config.structure.channels, config.structure.residual_blocks, short.background, image_channels
    )
    decoder = Decoder(
        8 * config.structure.channels,
        appearance.code_size // config.decoder.residual_blocks,
        config.decoder.style_hidden,
        config.decoder.residual_blocks,
        short.standardize_code,
    )
    initialize_kaiming(structure)
    initialize_kaiming(decoder)
    decoder.style.scale_output(short.initial_style)
    return Generator(appearance, structure, decoder, config.structure.input)


def build_discriminator(config: Config) -> MultiScaleDiscriminator:
    """The discriminator with fresh weights (normal, deviation 0.02)."""
    discriminator = MultiScaleDiscriminator(
        config.discriminator.channels, config.discriminator.residual_blocks, config.discriminator.scales
    )
    initialize_normal(discriminator, 0.02)
    return discriminator


def build_teacher(config: TeacherConfig, identities: int, pretrained: bool = True) -> ReIDModel:
    """The re-ID model that `teacher.model` names, filled from `teacher.weights` (unless `pretrained` is False).

    Raises:
        UserError: as `build_model` and `load_pretrained`; also for a model with self-distillation.
    """
    # The section's architecture is that of the paper's teacher; other models have their own defaults.
    options = config.model_dump(include={"backbone", "last_stride", "upsample_below_height", "dropout"})
    model = build_model(config.model, identities, **(options if config.model == "ide" else {}))
    _refuse_self_distillation(model, "teacher.model")
    if pretrained and config.weights is not None:
        load_pretrained(model, config.weights, config.new_classifier)
    return model


def parameter_count(network: nn.Module) -> int:
    """The number of parameters."""
    return sum(parameter.numel() for parameter in network.parameters())


def _refuse_self_distillation(model: ReIDModel, setting: str) -> None:
    if model.distillation_stages:
        raise UserError(
            f"DG-Net's training has no self-distillation: {setting} must be a model without it "
            f"({model.deployed_name(model.name)}), not {model.name!r}"
        )
