"""A made-up training of the official release on disk: true keys, few channels, reproducible weights."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from torch import nn
from torchvision.models import resnet

from tests.dgnet.small_training import NarrowTrunk, narrow_trunks
from tests.oracles.naive_config import NaiveConfig
from tests.oracles.naive_step import NaiveDGNet
from tests.reference_fill import fill_state_dict

HEIGHT, WIDTH = 64, 48
# Sorted as text the fourth comes before the second: the official order is not ours.
NAMES = ("0002", "7", "15", "0150")
# Every key of the official latest.yaml, with what a small training needs.
FLAT: dict[str, Any] = {
    "apex": False, "B_w": 0.3, "ID_class": len(NAMES), "ID_stride": 1, "ID_style": "AB", "batch_size": 2, "beta1": 0,
    "beta2": 0.99, "crop_image_height": HEIGHT, "crop_image_width": WIDTH, "data_root": "elsewhere",
    "dis": {
        "LAMBDA": 0.02, "activ": "lrelu", "dim": 4, "gan_type": "lsgan", "n_layer": 2, "n_res": 1, "non_local": 0,
        "norm": "none", "num_scales": 2, "pad_type": "reflect",
    },
    "display_size": 16, "erasing_p": 0.25, "gamma": 0.2, "gamma2": 0.3, "gan_w": 1.5,
    "gen": {
        "activ": "lrelu", "dec": "basic", "dim": 2, "dropout": 0, "id_dim": 2048, "mlp_dim": 8, "mlp_norm": "none",
        "n_downsample": 2, "n_res": 4, "non_local": 0, "pad_type": "reflect", "tanh": False, "init": "kaiming",
    },
    "id_w": 1.25, "image_display_iter": 5000, "image_save_iter": 3, "input_dim_a": 1, "input_dim_b": 1, "log_iter": 1,
    "lr2": 0.003, "lr_d": 0.0002, "lr_g": 0.0003, "lr_policy": "multistep", "max_cyc_w": 3, "max_iter": 8,
    "max_teacher_w": 2.5, "max_w": 1.75, "new_size": 128, "norm_id": False, "num_workers": 8, "pid_w": 0.75,
    "pool": "avg", "recon_s_w": 0, "recon_f_w": 0, "recon_id_w": 0.6, "recon_x_cyc_w": 0, "recon_x_w": 4,
    "recon_xp_w": 6, "single": "gray", "snapshot_save_iter": 4, "sqrt": False, "step_size": 7, "teacher": "best",
    "teacher_w": 0, "teacher_style": 4, "train_bn": False, "use_decoder_again": True, "use_encoder_again": 0.4,
    "vgg_w": 0, "warm_iter": 5, "warm_scale": 0.01, "warm_teacher_iter": 6, "weight_decay": 0.001,
}  # fmt: skip


def narrow_trunk(patch: pytest.MonkeyPatch) -> None:
    """Make "resnet50", the only trunk of the official code, a narrow one, and the oracle's "resnet18" the same."""
    narrow_trunks(patch)
    patch.setattr(resnet, "resnet50", NarrowTrunk)


def official_networks() -> NaiveDGNet:
    """The official networks for `FLAT`, under the official keys."""
    naive = NaiveDGNet(
        NaiveConfig(
            identities=len(NAMES), trunk="resnet18", teacher_trunk="resnet18", pool="avg", structure_dim=2, mlp_dim=8,
            discriminator_dim=4, discriminator_residuals=1, scales=2,
        )
    )  # fmt: skip
    for name in ("gen", "id", "dis"):
        fill_state_dict(getattr(naive, name), f"{name}.")
    fill_state_dict(naive.teachers[0], "teacher.")
    return naive


def with_unused_entries(network: nn.Module, name: str) -> dict[str, torch.Tensor]:
    """A state dict with what the official code keeps in it and nobody reads."""
    unused = {"model.fc.weight": torch.ones(1000, 4), "model.fc.bias": torch.ones(1000)}
    return network.state_dict() | (unused if name in ("id", "teacher") else {})


def write_official(folder: Path, naive: NaiveDGNet, iterations: tuple[int, ...] = (4, 6), **changes: Any) -> Path:
    """`folder` becomes an official `outputs/NAME`."""
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(FLAT | changes))
    for iteration in iterations:
        for name in ("gen", "id", "dis"):
            state = with_unused_entries(getattr(naive, name), name)
            if iteration != iterations[-1]:
                state = {key: torch.zeros_like(value) for key, value in state.items()}
            torch.save({"a": state}, folder / "checkpoints" / f"{name}_{iteration:08d}.pt")
    return folder


def write_teacher(folder: Path, naive: NaiveDGNet, options: dict[str, Any] | None) -> Path:
    """`folder` becomes a `models/NAME`: plain state dict, options of its training unless None."""
    folder.mkdir(parents=True)
    torch.save(with_unused_entries(naive.teachers[0], "teacher"), folder / "net_last.pth")
    if options is not None:
        (folder / "opts.yaml").write_text(yaml.safe_dump(options))
    return folder


def write_images(root: Path, names: tuple[str, ...] = NAMES) -> Path:
    """A data set in the official layout, two training images of each identity."""
    for number, name in enumerate(names):
        for image in range(2):
            path = root / "train_all" / name / f"{int(name):04d}_c{image + 1}s1_000001_00.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng([number, image]).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path)
    return root
