"""The options of the official configuration, flat, with the paper's values."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class NaiveConfig:
    """Every option of the official configuration that the step reads; the defaults are the paper's recipe."""

    identities: int = 751
    trunk: str = "resnet50"
    pool: str = "max"
    appearance_stride: int = 1
    dropouts: tuple[float, float] = (0.5, 0.75)
    structure_input: str = "gray"  # or "edge", made by `edges`
    edges: Callable[[Tensor], Tensor] | None = None
    structure_dim: int = 16
    structure_residuals: int = 4
    mlp_dim: int = 512
    discriminator_dim: int = 32
    discriminator_residuals: int = 4
    scales: int = 3
    teachers: int = 1
    teacher_trunk: str = "resnet50"
    teacher_stride: int = 2
    teacher_style: int = 0
    train_bn: bool = True
    gan_type: str = "lsgan"
    penalty: float = 0.01
    gan_w: float = 1.0
    recon_x_w: float = 5.0
    recon_xp_w: float = 5.0
    id_w: float = 1.0
    pid_w: float = 1.0
    recon_id_w: float = 0.5
    teaching_w: float = 1.0
    fine_w: float = 0.2
    recon_f_w: float = 0.0
    recon_s_w: float = 0.0
    recon_x_cyc_w: float = 0.0
    teacher_w: float = 0.0
    warm_iter: int = 30000
    warm_scale: float = 5e-4
    warm_teacher_iter: int = 30000
    max_w: float = 1.0
    max_cyc_w: float = 2.0
    max_teacher_w: float = 2.0
    rate: float = 1e-4
    appearance_rate: float = 2e-3
    betas: tuple[float, float] = (0.0, 0.999)
    weight_decay: float = 5e-4
    step_size: int = 60000
    gamma: float = 0.1
    gamma2: float = 0.1
