"""The official release's flat configuration (`outputs/NAME/config.yaml`) -> ours.

Every key of it is carried over, has no effect here, is supported with one value only, or is refused by name. A key
that a file lacks has our default, which is that of the official `latest.yaml`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError

from dgnet.config import Config
from dgnet.core.errors import UserError
from dgnet.losses.soft_label import TeacherLabel

# Their key, with a dot for the nested ones -> our settings of the same value.
CARRIED: dict[str, tuple[str, ...]] = {
    "data_root": ("data.root",),
    "crop_image_height": ("data.height",),
    "crop_image_width": ("data.width",),
    "erasing_p": ("data.erasing",),
    "ID_stride": ("appearance.last_stride",),
    "pool": ("appearance.pooling",),
    "single": ("structure.input",),
    "gen.dim": ("structure.channels",),
    "gen.n_res": ("structure.residual_blocks", "decoder.residual_blocks"),
    "gen.mlp_dim": ("decoder.style_hidden",),
    "dis.dim": ("discriminator.channels",),
    "dis.n_res": ("discriminator.residual_blocks",),
    "dis.num_scales": ("discriminator.scales",),
    "dis.gan_type": ("discriminator.kind",),
    "dis.LAMBDA": ("discriminator.gradient_penalty",),
    "teacher_style": ("teacher.label",),
    "gan_w": ("loss.adversarial",),
    "recon_x_w": ("loss.self_reconstruction",),
    "recon_xp_w": ("loss.same_identity_reconstruction",),
    "id_w": ("loss.identity",),
    "pid_w": ("loss.positive_identity",),
    "recon_id_w": ("loss.generated_identity",),
    "max_w": ("loss.appearance_code", "loss.structure_code"),
    "max_cyc_w": ("loss.cycle",),
    "max_teacher_w": ("loss.teacher_factor",),
    "T_w": ("loss.soft_label",),
    "B_w": ("loss.fine_grained",),
    "recon_f_w": ("loss.code_start",),
    "teacher_w": ("loss.teacher_start",),
    "warm_iter": ("loss.code_ramp_begin",),
    "warm_teacher_iter": ("loss.teacher_ramp_begin",),
    "warm_scale": ("loss.ramp_rate",),
    "use_encoder_again": ("loss.structure_encoder_probability",),
    "train_bn": ("loss.batch_statistics_when_frozen",),
    "max_iter": ("schedule.iterations",),
    "step_size": ("schedule.step_size",),
    "gamma": ("schedule.generator_gamma",),
    "gamma2": ("schedule.appearance_gamma",),
    "lr": ("optimizer.generator_rate", "optimizer.discriminator_rate"),
    "lr_g": ("optimizer.generator_rate",),
    "lr_d": ("optimizer.discriminator_rate",),
    "lr2": ("optimizer.appearance_rate",),
    "beta1": ("optimizer.adam_beta1",),
    "beta2": ("optimizer.adam_beta2",),
    "weight_decay": ("optimizer.weight_decay",),
    "batch_size": ("run.batch_size",),
    "apex": ("run.precision",),
    "image_save_iter": ("run.image_every",),
    "snapshot_save_iter": ("run.checkpoint_every",),
}
# The values whose spelling differs.
SPELLING: dict[str, dict[Any, Any]] = {
    "single": {"gray": "gray", "edge": "edge"},
    "apex": {True: "fp16", False: "fp32"},
    "teacher_style": dict(enumerate(get_args(TeacherLabel))),
}
# Keys that are supported with this value only.
ONLY: dict[str, Any] = {
    "ID_style": "AB",
    "input_dim_a": 1,
    "input_dim_b": 1,
    "lr_policy": "multistep",
    "norm_id": False,
    "sqrt": False,
    "use_decoder_again": True,
    "vgg_w": 0,
    "gen.activ": "lrelu",
    "gen.dec": "basic",
    "gen.dropout": 0,
    "gen.id_dim": 2048,
    "gen.mlp_norm": "none",
    "gen.n_downsample": 2,
    "gen.n_res": 4,  # four slices of the appearance code, one for each block of the decoder
    "gen.non_local": 0,
    "gen.pad_type": "reflect",
    "gen.tanh": False,
    "dis.activ": "lrelu",
    "dis.n_layer": 2,
    "dis.non_local": 0,
    "dis.norm": "none",
    "dis.pad_type": "reflect",
}
# Keys that change nothing here, and why.
WITHOUT_EFFECT: dict[str, str] = {
    "ID_class": "the number of identities comes from the data",
    "teacher": "teachers are named when they are read",
    "init": "weights are loaded",
    "gen.init": "weights are loaded",
    "gen.style_dim": "nothing reads it",
    "new_size": "images are resized to crop_image_height x crop_image_width",
    "num_workers": "batches do not depend on it",
    "display_size": "the grids of a run have a size of their own",
    "image_display_iter": "grids are written, not displayed",
    "log_iter": "1, the official value, asks for the losses at every iteration, which makes a GPU wait",
}
# Three ramps that begin together here, with one setting.
CODE_STARTS = ("recon_f_w", "recon_s_w", "recon_x_cyc_w")


def read_flat_config(path: Path) -> dict[str, Any]:
    """The official configuration as `{key: value}`, the nested `gen` and `dis` as `gen.dim`.

    Raises:
        UserError: the file is missing, not YAML, or no such configuration.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file (the official release writes its configuration there)")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as YAML ({' '.join(str(error).split())})") from error
    if not isinstance(content, dict) or not all(isinstance(content.get(part, {}), dict) for part in ("gen", "dis")):
        raise UserError(
            f"{path}: expected the flat configuration of the official release, with the sections gen and dis"
        )
    flat = {}
    for key, value in content.items():
        if key in ("gen", "dis"):
            flat.update({f"{key}.{name}": setting for name, setting in value.items()})
        else:
            flat[key] = value
    return flat


def convert_config(flat: Mapping[str, Any], source: str, name: str) -> Config:
    """Our configuration of the same training, under `name`.

    Raises:
        UserError: a key that is not known, or a value that is not supported; the sentence names both.
    """
    for key, value in flat.items():
        if key in ONLY and value != ONLY[key]:
            raise UserError(f"{source}: {key} must be {ONLY[key]!r}, the only value supported here, got {value!r}")
        if key not in CARRIED and key not in ONLY and key not in WITHOUT_EFFECT and key not in CODE_STARTS:
            raise UserError(
                f"{source}: {key} (its value is {value!r}) is no known key of the official configuration; "
                "take it out if it changes nothing"
            )
        if isinstance(value, (list, dict)):
            raise UserError(f"{source}: {key} must be a single value, got {value!r}")
    starts = {key: flat[key] for key in CODE_STARTS if key in flat}
    if len(set(starts.values())) > 1 or (starts and "recon_f_w" not in starts):
        raise UserError(
            f"{source}: {', '.join(CODE_STARTS)} must be there with one value (0 in the paper), got {starts}"
        )
    values: dict[str, Any] = {"name": name}
    official_key: dict[str, str] = {}
    for key, ours in CARRIED.items():  # in this order: lr_g and lr_d win over lr
        if key not in flat:
            continue
        if key in SPELLING and flat[key] not in SPELLING[key]:
            raise UserError(f"{source}: {key} must be one of {', '.join(map(str, SPELLING[key]))}, got {flat[key]!r}")
        for setting in ours:
            section, field = setting.split(".")
            values.setdefault(section, {})[field] = SPELLING.get(key, {}).get(flat[key], flat[key])
            official_key[setting] = key
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = official_key.get(".".join(map(str, first["loc"])), "name")
        reason = first["msg"][0].lower() + first["msg"][1:]
        raise UserError(f"{source}: {key}: {reason}, got {first['input']!r}") from error


def teacher_names(flat: Mapping[str, Any]) -> tuple[str, ...]:
    """The teachers that the official `teacher` names, folders below its `models`; several are separated by commas."""
    return tuple(part for part in str(flat.get("teacher") or "").split(",") if part.strip())
