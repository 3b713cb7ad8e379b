"""Reads the folders of the official release: `outputs/NAME`, and `models/NAME` of its teachers."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from pydantic import ValidationError
from torch import nn

from dgnet.config import Config, override_config
from dgnet.config.networks import TeacherConfig
from dgnet.core.errors import UserError
from dgnet.core.weights import StateDict, read_state_dict
from dgnet.models.build import build_discriminator, build_generator, build_teacher
from dgnet.official.config import convert_config, read_flat_config, teacher_names
from dgnet.official.weights import appearance_state, discriminator_state, generator_state

TEACHER_WEIGHTS, TEACHER_OPTIONS = "net_last.pth", "opts.yaml"
_EXPECTED = "a checkpoint of the official DG-Net release"
_CHECKPOINT = re.compile(r"gen_(\d+)\.pt")
_GENERATOR_KEY = re.compile(r"enc_content\.|dec\.|mlp_[wb]\d+\.model\.\d+\.fc\.")
# Options in a teacher's opts.yaml that select another network than the plain ResNet-50.
_OTHER_TEACHER = re.compile(r"PCB|ibn|use_.*")


@dataclass(frozen=True)
class OfficialRun:
    """An official training: its configuration under our keys, its weights under the keys of our networks.

    `identities` is the number of classes of its classifiers, `teacher_names` are those in its configuration.
    """

    folder: Path
    config: Config
    iteration: int
    identities: int
    generator: StateDict
    discriminator: StateDict
    teacher_names: tuple[str, ...]


@dataclass(frozen=True)
class OfficialTeacher:
    """An official teacher; `stride_known` says whether its options name the stride of the last stage."""

    path: Path
    config: TeacherConfig
    identities: int
    state: StateDict
    stride_known: bool


def read_official(folder: Path, iteration: int | None = None, settings: Sequence[str] = ()) -> OfficialRun:
    """Read an official `outputs/NAME`.

    Args:
        iteration: which of its checkpoints; by default the last.
        settings: `section.key=value` overrides, under our keys.

    Raises:
        UserError: a file is missing or damaged, the configuration asks for what is not supported, or the weights are
            not of the networks that it describes.
    """
    source = folder / "config.yaml"
    flat = read_flat_config(source)
    config = override_config(convert_config(flat, str(source), folder.resolve().name), settings)
    number = _iteration_of(folder / "checkpoints", iteration)
    gen, id_, dis = (
        read_state_dict(folder / "checkpoints" / f"{net}_{number}.pt", _EXPECTED) for net in ("gen", "id", "dis")
    )
    path = folder / "checkpoints" / f"gen_{number}.pt"
    if unknown := [key for key in gen if not _GENERATOR_KEY.match(key)]:
        raise UserError(f"{path}: {unknown[0]} belongs to none of the official networks that can be read")
    try:
        generator = generator_state(gen, id_)
    except RuntimeError as error:  # the eight small networks cannot be stacked
        raise UserError(f"{path}: the networks mlp_w1..4 and mlp_b1..4 are not of one size") from error
    identities = _classes(generator, "appearance.primary.logits.weight", folder / "checkpoints" / f"id_{number}.pt")
    discriminator = discriminator_state(dis)
    _require_fit(lambda: build_generator(config, identities, pretrained=False), generator, path, source)
    _require_fit(lambda: build_discriminator(config), discriminator, path.with_name(f"dis_{number}.pt"), source)
    return OfficialRun(folder, config, int(number), identities, generator, discriminator, teacher_names(flat))


def read_official_teacher(path: Path) -> OfficialTeacher:
    """Read an official teacher: its folder `models/NAME`, or the weights in it.

    The stride of its last stage and its dropout stand in `opts.yaml` beside the weights; without that file, or without
    the key, the stride is 2. The other options there are those of its training.

    Raises:
        UserError: the weights are missing or damaged, or are not of a ResNet-50 with one classifier.
    """
    weights = path / TEACHER_WEIGHTS if path.is_dir() else path
    state = appearance_state(read_state_dict(weights, _EXPECTED))
    options_file = weights.with_name(TEACHER_OPTIONS)
    options = _teacher_options(options_file)
    for key, value in options.items():
        if _OTHER_TEACHER.fullmatch(str(key)) and value:
            raise UserError(f"{options_file}: {key} must be false (a plain ResNet-50 is what is read), got {value!r}")
    if options.get("pool", "avg") != "avg":
        raise UserError(f"{options_file}: pool must be avg, got {options['pool']!r}")
    known = {ours: options[key] for key, ours in (("stride", "last_stride"), ("droprate", "dropout")) if key in options}
    try:
        config = TeacherConfig.model_validate(known)
    except ValidationError as error:
        first = error.errors()[0]
        key = {"last_stride": "stride", "dropout": "droprate"}[str(first["loc"][0])]
        reason = first["msg"][0].lower() + first["msg"][1:]
        raise UserError(f"{options_file}: {key}: {reason}, got {first['input']!r}") from error
    identities = _classes(state, "classifier.logits.weight", weights)
    _require_fit(lambda: build_teacher(config, identities, pretrained=False), state, weights, options_file)
    return OfficialTeacher(weights, config, identities, state, "stride" in options)


def _teacher_options(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        options = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as YAML ({' '.join(str(error).split())})") from error
    if not isinstance(options, dict):
        raise UserError(f"{path}: expected the options of a teacher's training, this is a {type(options).__name__}")
    return options


def _iteration_of(folder: Path, iteration: int | None) -> str:
    """The number in the names of the wanted checkpoint's files, as it is written there."""
    matches = [_CHECKPOINT.fullmatch(path.name) for path in folder.iterdir()] if folder.is_dir() else []
    numbers = {int(match[1]): match[1] for match in matches if match}
    if not numbers:
        raise UserError(f"{folder}: no official checkpoint here (gen_00100000.pt, id_00100000.pt, dis_00100000.pt)")
    if iteration is not None and iteration not in numbers:
        raise UserError(
            f"{folder}: no checkpoint of iteration {iteration}, there are {', '.join(map(str, sorted(numbers)))}"
        )
    return numbers[max(numbers) if iteration is None else iteration]


def _classes(state: StateDict, key: str, path: Path) -> int:
    if key not in state or state[key].ndim != 2:
        raise UserError(f"{path}: no identity classifier in it")
    return int(state[key].shape[0])


def _require_fit(build: Callable[[], nn.Module], state: StateDict, weights: Path, config: Path) -> None:
    """`UserError` unless these are the weights of the network that `build` makes."""
    with torch.device("meta"):
        wanted = build().state_dict()
    # Files of torch before 0.4.1 do not count batches.
    missing = [key for key in wanted if key not in state and not key.endswith("num_batches_tracked")]
    unknown = [key for key in state if key not in wanted]
    other = [key for key in state if key in wanted and state[key].shape != wanted[key].shape]
    if missing or unknown or other:
        raise UserError(
            f"{weights}: not the weights of the network that {config} describes ({len(missing)} entries missing, "
            f"{len(unknown)} unknown, {len(other)} of another shape; "
            f"the first, by our names: {(missing + unknown + other)[0]})"
        )
