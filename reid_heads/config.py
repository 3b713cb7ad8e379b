"""Settings of a re-ID model's training. The number of identities is not here: it comes from the data."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from dgnet.config.data import DataConfig
from dgnet.core.device import DeviceName, PrecisionName
from dgnet.core.errors import UserError
from dgnet.core.folder_names import plain_folder_name
from dgnet.core.section import Section
from dgnet.data.readers.generated import NAME_PATTERN
from dgnet.data.transforms import Border
from dgnet.models.registry import model_names
from dgnet.models.reid_model import Option
from reid_heads.generated.filters import FilterConfig
from reid_heads.generated.label_policies import LabelPolicyName
from reid_heads.losses.loss_string import parse_loss
from reid_heads.training.optimizers import OptimizerName
from reid_heads.training.sampler import EpochMode
from reid_heads.training.schedules import parse_decay


class ReIDDataConfig(DataConfig):
    """Which images, their augmentation, and the batch: `identities` (P) with `images_per_identity` (K) each.

    The batch is that of one process. `epoch_mode`: what an epoch covers, see `reid_heads.training.sampler`.
    """

    root: Path = Path("data")
    # What padding looks like before the crop.
    border: Border = "black"
    identities: int = Field(16, ge=2)
    images_per_identity: int = Field(4, ge=1)
    epoch_mode: EpochMode = "images"


class ArchitectureConfig(Section):
    """A registered re-ID model (`dgnet.models.registry`), its options, and its initial weights.

    `weights`: torchvision's ImageNet file of the trunk, or the file of a trained model; null: random. Of a trained
    model of other identities `new_classifier` loads all weights but the classifier's.
    """

    name: str = "resnet50"
    weights: Path | None = None
    new_classifier: bool = False
    options: dict[str, Option] = {}

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in model_names():
            raise ValueError(f"must be one of {', '.join(model_names())}")
        return name


class ReIDLossConfig(Section):
    """`terms` is such as `1*CrossEntropy+2*Triplet+0.005*CenterLoss`; `margin` that of Triplet and MSMLoss."""

    terms: str = "1*CrossEntropy+1*Triplet"
    margin: float = Field(0.3, ge=0)
    label_smoothing: float = Field(0.1, ge=0, lt=1)

    @field_validator("terms")
    @classmethod
    def _readable(cls, terms: str) -> str:
        try:
            parse_loss(terms)
        except UserError as error:
            raise ValueError(str(error)) from error
        return terms


class DistillationConfig(Section):
    """Weights of the distillation terms (0: off) and their teachers.

    `stage_...`: between the stages of a model with self-distillation (`..._kd`), taught by `teacher_stage`.
    `offline_...`: from the trained model in the file `teacher`, frozen, of any architecture; `offline_logits` needs one
    of the same identities.
    """

    stage_features: float = Field(0, ge=0)
    stage_logits: float = Field(0, ge=0)
    stage_cross_entropy: float = Field(0, ge=0)
    offline_logits: float = Field(0, ge=0)
    offline_similarity: float = Field(0, ge=0)
    teacher_stage: Literal[2, 3, 4] = 3
    temperature: float = Field(4, gt=0)
    teacher: Path | None = None


class ReIDOptimizerConfig(Section):
    """`momentum` is SGD's and RMSprop's, `amsgrad` ADAM's; `center_rate` is the SGD rate of CenterLoss's centers."""

    name: OptimizerName = "ADAM"
    learning_rate: float = Field(3.5e-4, gt=0)
    weight_decay: float = Field(5e-4, ge=0)
    momentum: float = Field(0.9, ge=0, lt=1)
    amsgrad: bool = False
    center_rate: float = Field(0.5, gt=0)


class ReIDScheduleConfig(Section):
    """`decay` names the epochs at which the rate falls by `gamma` ("step_40_70", or "constant"); then the warm-up."""

    epochs: int = Field(120, ge=1)
    decay: str = "step_40_70"
    gamma: float = Field(0.1, gt=0, le=1)
    warmup_epochs: int = Field(10, ge=0)
    warmup_factor: float = Field(0.01, gt=0, le=1)

    @field_validator("decay")
    @classmethod
    def _readable(cls, decay: str) -> str:
        try:
            parse_decay(decay)
        except UserError as error:
            raise ValueError(str(error)) from error
        return decay


class GeneratedConfig(Section):
    """Generated images in the batches; `source` null: none.

    Args:
        source: a folder with a manifest.csv, any folder of images (`name_pattern` finds the identities in their names),
            a .csv file, or a run of DG-Net (its folder or a checkpoint): then each batch's own images are swapped
            while training.
        label: a label policy of `reid_heads.generated.label_policies`.
        teacher: files of trained teachers (tools/train_teacher.py, or any re-ID model), for the policies that need one.
        share: of the whole batch; they come on top of its P x K real images, which stay the same.
        start_epoch: the epoch (from 0) that is the first to see them.
        in_metric: whether they enter the metric losses, too.
        weight: of their cross-entropy, relative to a real image's.
        filters: which images of a stored set are good enough, see `reid_heads.generated.filters`; one after another.
    """

    source: Path | None = None
    name_pattern: str = NAME_PATTERN
    label: LabelPolicyName = "appearance"
    teacher: tuple[Path, ...] = ()
    share: float = Field(0.2, gt=0, le=0.8)
    start_epoch: int = Field(0, ge=0)
    in_metric: bool = False
    weight: float = Field(1, gt=0)
    filters: tuple[FilterConfig, ...] = ()


class TestConfig(Section):
    """How it is tested while training: every so many epochs (0: never), by how many images at a time.

    `mirrored` adds the features of image and mirror image; null: as the model's publication does (MGN adds them, the
    BNNeck baseline does not). `re_rank` measures after k-reciprocal re-ranking, too.
    """

    batch_size: int = Field(128, ge=1)
    every: int = Field(1, ge=0)
    mirrored: bool | None = None
    re_rank: bool = False


class ReIDRunConfig(Section):
    """How the training runs; `log_every` counts iterations, `checkpoint_every` epochs.

    `precision` and `deterministic` as in `dgnet.config.training.RunConfig`.
    """

    seed: int = Field(0, ge=0, lt=2**63)
    device: DeviceName = "auto"
    precision: PrecisionName = "fp32"
    deterministic: bool = False
    channels_last: bool = True
    sync_batch_norm: bool = False
    log_every: int = Field(20, ge=1)
    checkpoint_every: int = Field(1, ge=1)
    keep_checkpoints: int = Field(2, ge=1)


class ReIDConfig(Section):
    """Everything that `tools/train.py` needs; the defaults are the BNNeck baseline ("bag of tricks")."""

    name: str = "bnneck"
    data: ReIDDataConfig = ReIDDataConfig()
    model: ArchitectureConfig = ArchitectureConfig()
    loss: ReIDLossConfig = ReIDLossConfig()
    distillation: DistillationConfig = DistillationConfig()
    optimizer: ReIDOptimizerConfig = ReIDOptimizerConfig()
    schedule: ReIDScheduleConfig = ReIDScheduleConfig()
    generated: GeneratedConfig = GeneratedConfig()
    test: TestConfig = TestConfig()
    run: ReIDRunConfig = ReIDRunConfig()

    @field_validator("name")
    @classmethod
    def _plain_folder_name(cls, name: str) -> str:
        return plain_folder_name(name)
