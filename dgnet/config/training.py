"""The sections of the training: losses, schedule, optimizers, the run, and what is not the paper's."""

from typing import Any, Literal

from pydantic import Field, field_validator

from dgnet.core.device import DeviceName, PrecisionName
from dgnet.core.section import Section
from dgnet.losses.reconstruction import ReconstructionNorm


class LossConfig(Section):
    """Weights of the terms; where a term ramps up, this is its maximum."""

    adversarial: float = Field(1, ge=0)
    self_reconstruction: float = Field(5, ge=0)
    same_identity_reconstruction: float = Field(5, ge=0)
    appearance_code: float = Field(1, ge=0)
    structure_code: float = Field(1, ge=0)
    cycle: float = Field(2, ge=0)
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

    # The trunk of the appearance encoder starts as the first teacher's (same backbone), in place of ImageNet weights;
    # with `appearance.pooling` avg the primary classifier starts as the teacher's, too, if that is an "ide".
    from_teacher: bool = False
    # Before this iteration (counted from 0) no term sees swapped images: the networks learn to reconstruct and to
    # classify real images, in about half the time of an iteration.
    swap_begin: int = Field(0, ge=0)
    # Before this iteration real images are not classified, and the appearance encoder keeps its weights while decoder
    # and structure encoder learn to reconstruct. Such an iteration takes about a third of the time of one with swapped
    # images. For an encoder that starts from a teacher's weights.
    identity_begin: int = Field(0, ge=0)
    # Which appearance codes carry no gradient: "always", all of them; "of_real_images", those of real images alone, so
    # that swapped images learn from theirs; "never", none, so that reconstructions train the appearance encoder too.
    detach_codes: Literal["always", "of_real_images", "never"] = "always"
    # The structure image has random cells of 8x8 pixels hidden, of each image another share up to this one: where the
    # original clothes had an edge, the decoder learns not to rely on it.
    hide_structure: float = Field(0, ge=0, lt=1)
    # Distance between a reconstructed image and the real one: mean absolute ("l1") or squared ("l2") difference.
    image_norm: ReconstructionNorm = "l1"
    # Weight of the same distance between the differences of neighboring pixels, beside 1 for the pixels: edges are few
    # pixels, and a shape is right where its edges are (dgnet.losses.reconstruction).
    edge_weight: float = Field(0, ge=0)
    # How the rates fall: in "steps" (section `schedule`), or "linear", evenly from `schedule.step_size` on to 0 at the
    # end of the training; then the gammas mean nothing. A training shorter than `schedule.step_size` sees neither.
    decay: Literal["steps", "linear"] = "steps"
    # Batch norm sees a and b as one batch of twice the size, which is faster.
    merge_batch_statistics: bool = False

    # The rest is here only so that runs of versions 0.1 and 0.2 open and go on: the demos of those versions set it, no
    # configuration of today does.

    # The structure encoder sees real images under a random wave over their colors, another one each time: from its code
    # the decoder cannot learn how bright the original clothes were, or how far they stood out.
    mix_colors: bool = False
    # The structure code also holds the colors of the background, left and right of the person, so that the decoder
    # knows the scene and its illumination.
    background: bool = False
    # Batch norm (without gain and bias) on the appearance code before the style networks: what all images have in
    # common leaves the code, and colors are learned within hundreds of iterations.
    standardize_code: bool = False
    # Initial scale of the gains and biases that the appearance code gives; below 1 the residual blocks start nearer to
    # passing the structure code on unchanged.
    initial_style: float = Field(1, gt=0)
    # Learning rate of Muon, without weight decay, for the convolutions and linear layers of structure encoder and
    # decoder; 0: Adam trains these too.
    muon_rate: float = Field(0, ge=0)
