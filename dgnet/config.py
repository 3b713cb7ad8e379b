"""Typed, frozen configuration: a YAML file plus `section.key=value` overrides. Unknown keys are errors."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from dgnet.core.device import DeviceName, PrecisionName
from dgnet.core.files import user_path
from dgnet.core.folder_names import plain_folder_name
from dgnet.core.section import Section
from dgnet.core.section import resolved as resolved  # whoever reads a configuration stores it too
from dgnet.core.settings import load_settings, override_settings, parse_settings
from dgnet.losses.adversarial import GanKind
from dgnet.losses.reconstruction import ReconstructionNorm
from dgnet.losses.soft_label import TeacherLabel

BackboneName = Literal["resnet18", "resnet34", "resnet50", "resnet101"]
Pooling = Literal["max", "avg"]


class SyntheticConfig(Section):
    """Size of the built-in pedestrians, which are rendered at `data.root` if they do not exist."""

    seed: int = 0
    train_identities: int = Field(100, ge=2)
    test_identities: int = Field(50, ge=0)
    images_per_identity: int = Field(12, ge=2)


class DataConfig(Section):
    """Which images, at which size in pixels, with which augmentation (`flip` and `erasing` are probabilities).

    `layout`: "auto", "synthetic" (the built-in pedestrians) or one that `dgnet.data.datasets` reads.
    """

    layout: str = "auto"
    root: Path = Path("data/Market-1501")
    height: int = Field(256, ge=64, le=4096, multiple_of=16)
    width: int = Field(128, ge=48, le=4096, multiple_of=16)
    pad: int = Field(10, ge=0)
    flip: float = Field(0.5, ge=0, le=1)
    erasing: float = Field(0.5, ge=0, le=1)
    workers: int = Field(2, ge=1)
    synthetic: SyntheticConfig = SyntheticConfig()


class TrunkConfig(Section):
    """A ResNet and where its initial weights are: ImageNet's, or those of a trained model (null: random ones)."""

    backbone: BackboneName = "resnet50"
    last_stride: Literal[1, 2] = 1
    weights: Path | None = None
    # Of a trained model of other identities all weights are taken but the classifier's, which begins anew.
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

    # "gray" in the paper; "edge", the strength of its edges; "contour", where the colors change and in which direction,
    # with little of how much (dgnet.core.pixels.contours): from it the decoder can hardly learn the original colors.
    input: Literal["gray", "edge", "contour"] = "gray"
    channels: int = Field(16, ge=1)
    residual_blocks: int = Field(4, ge=1)


class DecoderConfig(Section):
    """The decoder; `style_hidden` is the width of the networks that turn the appearance code into gains and biases."""

    # "adaptive", the paper's: the appearance code gives gains and biases of residual blocks. "parts" (not the paper's):
    # the person as soft masks, which another structure encoder draws, filled with the colors of the appearance image
    # (dgnet.models.parts). Then `structure.channels` is its width, and `structure.residual_blocks` and the other
    # settings here but `parts`, which is for "parts" alone, have no effect.
    kind: Literal["adaptive", "parts"] = "adaptive"
    parts: int = Field(16, ge=2, le=256)
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


class LossConfig(Section):
    """Weights of the terms; where a term ramps up, this is its maximum."""

    adversarial: float = Field(1, ge=0)
    self_reconstruction: float = Field(5, ge=0)
    same_identity_reconstruction: float = Field(5, ge=0)
    appearance_code: float = Field(1, ge=0)
    structure_code: float = Field(1, ge=0)
    cycle: float = Field(2, ge=0)
    # Not the paper's: pushes the gradients of swapped images, in all iterations, to the strength of those of real ones
    # (dgnet.losses.sharpness).
    sharpness: float = Field(0, ge=0)
    identity: float = Field(1, ge=0)
    positive_identity: float = Field(1, ge=0)
    generated_identity: float = Field(0.5, ge=0)
    # Multiplies `soft_label` and `fine_grained`, the terms of the primary and the fine-grained classifier on swapped
    # images. The fine-grained classifier's term on real images, `identity_fine_grained`, has the weight `identity` x
    # `teacher_factor` x `fine_grained`.
    teacher_factor: float = Field(2, ge=0)
    soft_label: float = Field(1, ge=0)
    fine_grained: float = Field(0.2, ge=0)
    # The terms of codes and cycle grow from `code_start` by `ramp_rate` an iteration, from iteration `code_ramp_begin`
    # (counted from 0) on; `teacher_factor` from `teacher_start`, from `teacher_ramp_begin` on.
    code_start: float = Field(0, ge=0)
    code_ramp_begin: int = Field(30000, ge=0)
    teacher_start: float = Field(0, ge=0)
    teacher_ramp_begin: int = Field(30000, ge=0)
    ramp_rate: float = Field(5e-4, ge=0)
    # Probability per iteration that the terms `structure_code` and `cycle` train the structure encoder; otherwise they
    # train the swapped images, through a frozen one.
    structure_encoder_probability: float = Field(0.5, ge=0, le=1)
    # Batch statistics instead of running ones in the frozen passes (appearance encoder on swaps, teacher).
    batch_statistics_when_frozen: bool = True


class ScheduleConfig(Section):
    """Length of the training, and how the rates fall: by a gamma at 1, 1.5 and 1.75 times `step_size`."""

    iterations: int = Field(100_000, ge=1)
    step_size: int = Field(60_000, ge=1)
    generator_gamma: float = Field(0.1, gt=0, le=1)
    appearance_gamma: float = Field(0.1, gt=0, le=1)


class OptimizerConfig(Section):
    """Adam for generator and discriminator; SGD with Nesterov momentum 0.9 for the appearance encoder."""

    generator_rate: float = Field(1e-4, gt=0)
    discriminator_rate: float = Field(1e-4, gt=0)
    appearance_rate: float = Field(2e-3, gt=0)
    classifier_factor: float = Field(10, gt=0)
    adam_beta1: float = Field(0.0, ge=0, lt=1)
    adam_beta2: float = Field(0.999, ge=0, lt=1)
    weight_decay: float = Field(5e-4, ge=0)


class RunConfig(Section):
    """How the training runs: batch, device, precision, and how often it logs, draws and saves (in iterations)."""

    batch_size: int = Field(8, ge=2)
    # Split the batch into this many parts and add up their gradients.
    accumulate: int = Field(1, ge=1)
    seed: int = Field(0, ge=0, lt=2**63)
    device: DeviceName = "auto"
    # "fp32" is float32 everywhere; "tf32" takes TF32 for convolutions and matrix products (NVIDIA from Ampere on, fp32
    # elsewhere); "auto": bf16 where the device computes in it, else fp32. See `dgnet.core.numerics`.
    precision: PrecisionName = "fp32"
    # The same bits from every training with these settings on the same kind of GPU; slower there. A CPU gives them
    # anyway, for the same number of threads.
    deterministic: bool = False
    channels_last: bool = True
    # Compile norms and the sums around 3x3 convolutions (Winograd's, in float32 on a CPU) into one kernel each:
    # torch.compile, about a minute at the first start. Needs a C++ compiler on a CPU; without one the log says so and
    # plain operations do the same.
    compile: bool = False
    sync_batch_norm: bool = False
    log_every: int = Field(20, ge=1)
    image_every: int = Field(5000, ge=1)
    checkpoint_every: int = Field(10_000, ge=1)
    keep_checkpoints: int = Field(3, ge=1)

    @field_validator("accumulate")
    @classmethod
    def _equal_parts(cls, parts: int, others: Any) -> int:
        batch = others.data.get("batch_size", 2 * parts)
        # Batch norm needs two images.
        if batch % parts or batch < 2 * parts:
            raise ValueError(f"must split the batch of {batch} into equal parts of at least 2 images")
        return parts


class ShortTrainingConfig(Section):
    """Settings for trainings of minutes, from random weights, as `configs/demo.yaml`. They are not the paper's.

    With their defaults a training is the paper's.
    """

    # The trunk of the appearance encoder starts as the first teacher's (same backbone), in place of ImageNet weights.
    from_teacher: bool = False
    # Before this iteration (counted from 0) no term but `loss.sharpness` sees swapped images: the networks learn to
    # reconstruct and to classify real images, in about half the time of an iteration.
    swap_begin: int = Field(0, ge=0)
    # Before this iteration real images are not classified, and the appearance encoder keeps its weights while decoder
    # and structure encoder learn to reconstruct. Such an iteration takes about a third of the time of one with swapped
    # images. For an encoder that starts from a teacher's weights.
    identity_begin: int = Field(0, ge=0)
    # Which appearance codes carry no gradient: "always", all of them; "of_real_images", those of real images alone, so
    # that swapped images learn from theirs; "never", none, so that reconstructions train the appearance encoder too.
    detach_codes: Literal["always", "of_real_images", "never"] = "always"
    # The structure encoder sees real images under a random wave over their colors, another one each time: from its code
    # the decoder cannot learn how bright the original clothes were, or how far they stood out.
    mix_colors: bool = False
    # The structure code also holds the colors left and right of the person, so that the decoder knows the place and
    # its light.
    surroundings: bool = False
    # The structure image has random cells of 8x8 pixels hidden, of each image another share up to this one: where the
    # original clothes had an edge, the decoder learns not to rely on it.
    hide_structure: float = Field(0, ge=0, lt=1)
    # Batch norm (without gain and bias) on the appearance code before the style networks: what all images have in
    # common leaves the code, and colors are learned within hundreds of iterations.
    standardize_code: bool = False
    # Initial scale of the gains and biases that the appearance code gives; below 1 the residual blocks start nearer to
    # passing the structure code on unchanged.
    initial_style: float = Field(1, gt=0)
    # Distance between a reconstructed image and the real one: mean absolute ("l1") or squared ("l2") difference.
    image_norm: ReconstructionNorm = "l1"
    # Learning rate of Muon, without weight decay, for the convolutions and linear layers of structure encoder and
    # decoder; 0: Adam trains these too.
    muon_rate: float = Field(0, ge=0)
    # How the rates fall: in "steps" (section `schedule`), or "linear", evenly from `schedule.step_size` on to 0 at the
    # end of the training; then the gammas mean nothing. A training shorter than `schedule.step_size` sees neither.
    decay: Literal["steps", "linear"] = "steps"
    # Batch norm sees a and b as one batch of twice the size, which is faster.
    merge_batch_statistics: bool = False


class Config(Section):
    """Everything that `tools/train_gan.py` needs. The number of identities is not here: it comes from the data."""

    name: str = "latest"
    data: DataConfig = DataConfig()
    appearance: AppearanceConfig = AppearanceConfig()
    structure: StructureConfig = StructureConfig()
    decoder: DecoderConfig = DecoderConfig()
    discriminator: DiscriminatorConfig = DiscriminatorConfig()
    teacher: TeacherConfig = TeacherConfig()
    loss: LossConfig = LossConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    run: RunConfig = RunConfig()
    short_training: ShortTrainingConfig = ShortTrainingConfig()

    @model_validator(mode="after")
    def _parts_take_no_settings_of_the_style_networks(self) -> "Config":
        short, parts = self.short_training, self.decoder.kind == "parts"
        for name in ("surroundings", "standardize_code", "initial_style"):
            if parts and getattr(short, name) != ShortTrainingConfig.model_fields[name].default:
                raise ValueError(f"short_training.{name} has no effect with decoder.kind=parts: leave it out")
        return self

    @field_validator("name")
    @classmethod
    def _plain_folder_name(cls, name: str) -> str:
        return plain_folder_name(name)


def load_config(path: str | Path, overrides: list[str] | tuple[str, ...] = ()) -> Config:
    """Read a YAML file and apply `section.key=value` overrides; `UserError` as in `load_settings`.

    Example:
        >>> load_config("configs/latest.yaml", ["run.batch_size=4"]).run.batch_size
        4
    """
    return load_settings(Config, user_path(path), overrides)


def parse_config(values: dict[str, Any], source: str) -> Config:
    """A mapping -> `Config`; the first problem becomes one sentence."""
    return parse_settings(Config, values, source)


def override_config(config: Config, overrides: Sequence[str]) -> Config:
    """The configuration with `section.key=value` overrides. `UserError` as in `load_settings`."""
    return override_settings(config, overrides)
