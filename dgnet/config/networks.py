"""The sections of the networks: appearance and structure encoder, decoder, discriminator and teacher."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from dgnet.core.section import Section
from dgnet.losses.adversarial import GanKind
from dgnet.losses.soft_label import TeacherLabel

BackboneName = Literal["resnet18", "resnet34", "resnet50", "resnet101"]
Pooling = Literal["max", "avg"]


class TrunkConfig(Section):
    """A ResNet and where its initial weights are: ImageNet's, or those of a trained model (null: random ones)."""

    backbone: BackboneName = "resnet50"
    last_stride: Literal[1, 2] = 1
    weights: Path | None = None
    # Of a trained model of other identities all weights are loaded but the classifier's.
    new_classifier: bool = False
    # Images up to this height are doubled (nearest) before they enter the trunk; 0: none.
    upsample_below_height: int = Field(128, ge=0)


class AppearanceConfig(TrunkConfig):
    """The appearance encoder and its two identity classifiers."""

    # A registered re-ID model ("resnet50", "mgn") in place of the trunk and the primary classifier; `backbone` and
    # `last_stride` have no effect then. Null: DG-Net's own encoder.
    model: str | None = None
    pooling: Pooling = "max"
    primary_dropout: float = Field(0.5, ge=0, lt=1)
    fine_dropout: float = Field(0.75, ge=0, lt=1)


class StructureConfig(Section):
    """The structure encoder; the paper's code has eight times `channels` channels."""

    # "gray" in the paper; "edge", the strength of its edges, the other choice of the official code; "contour" (not the
    # paper's), where the colors change and in which direction, with little of how much (dgnet.core.pixels.contours):
    # from it the decoder can hardly learn the original colors.
    input: Literal["gray", "edge", "contour"] = "gray"
    channels: int = Field(16, ge=1)
    residual_blocks: int = Field(4, ge=1)


class DecoderConfig(Section):
    """The decoder; `style_hidden` is the width of the networks that turn the appearance code into gains and biases."""

    # "adaptive", the paper's: the appearance code gives gains and biases of residual blocks. "parts" (not the paper's):
    # the person as soft masks, which another structure encoder draws, filled with the colors of the appearance image
    # (dgnet.models.parts). Then `structure.channels` is its width, and `structure.residual_blocks` and the other
    # settings here but `parts`, `mask_stride` and `detail_gain`, which are for "parts" alone, have no effect.
    kind: Literal["adaptive", "parts"] = "adaptive"
    parts: int = Field(16, ge=2, le=256)
    # Pixels of the image, in rows and in columns, for one of the masks: 2 draws edges of clothes better; with 4 less of
    # the original brightness passes through the shading, which is better on photographs.
    mask_stride: Literal[2, 4] = 2
    # How strong the detail of the structure image is; 1: as the guided filter's formula gives it.
    detail_gain: float = Field(1, ge=0)
    style_hidden: int = Field(512, ge=1)
    # Each block takes one slice of the appearance code; the code has 4 parts times the trunk's channels.
    residual_blocks: Literal[1, 2, 4, 8] = 4


class DiscriminatorConfig(Section):
    """The multi-scale discriminator and its loss."""

    channels: int = Field(32, ge=1)
    residual_blocks: int = Field(4, ge=0)
    scales: int = Field(3, ge=1, le=4)
    kind: GanKind = "lsgan"
    gradient_penalty: float = Field(0.01, ge=0)


class TeacherConfig(TrunkConfig):
    """`checkpoints`: trained teachers (several are averaged); empty: one is trained first with the settings here."""

    checkpoints: tuple[Path, ...] = ()
    # A registered re-ID model. "ide" is the paper's teacher, the only one that `backbone`, `last_stride`, `dropout` and
    # `upsample_below_height` concern.
    model: str = "ide"
    last_stride: Literal[1, 2] = 2
    # How swapped images are labeled for the primary classifier: "soft" is the paper's; the official numbers are read
    # too. See `dgnet.losses.soft_label.teacher_label`.
    label: TeacherLabel = "soft"
    # Training of a teacher that is not there yet.
    epochs: int = Field(60, ge=1)
    batch_size: int = Field(32, ge=2)
    learning_rate: float = Field(0.05, gt=0)
    # Rate of the trunk relative to the classifier's: 0.1 behind ImageNet weights, 1 from random ones.
    trunk_factor: float = Field(0.1, gt=0)
    dropout: float = Field(0.5, ge=0, lt=1)
