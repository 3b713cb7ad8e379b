"""A trained re-ID model in one file that describes itself: architecture, identities, preprocessing, weights."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from dgnet.core import pixels
from dgnet.core.checkpoint import fitting, load_checkpoint, require_kind, save_checkpoint
from dgnet.core.errors import UserError
from dgnet.core.old_files import current_model_file
from dgnet.core.weights import read_content
from dgnet.models.registry import build_model
from dgnet.models.reid_model import ReIDModel

KIND = "re-ID model"
WANTED = "a trained re-ID model (mAP_*.pth or last.pth of tools/train.py and tools/train_mgn.py, teacher.pth)"


@dataclass(frozen=True)
class StoredModel:
    """A re-ID model in evaluation mode with what is known of its training.

    `identities` are the data set's numbers in the order of the logits, empty where the file does not tell them (other
    systems' files); `height` and `width` the size in pixels that images are resized to. `names` are what the data set
    calls these people (`Dataset.people`), empty where the file does not tell it (earlier versions').
    """

    network: ReIDModel
    identities: tuple[int, ...]
    height: int
    width: int
    names: tuple[str, ...] = ()


def save_model(
    path: Path, model: ReIDModel, identities: Sequence[int], height: int, width: int, names: Sequence[str] = ()
) -> None:
    """Write a model, whole or not at all; `torch.load(path, weights_only=True)` reads the file anywhere.

    Raises:
        UserError: the file cannot be written, or the identities, or the names, are not as many as the model's.
    """
    if len(identities) != model.identities:
        raise UserError(f"{path}: a model of {model.identities} identities was given a list of {len(identities)}")
    if len(names) not in (0, model.identities):
        raise UserError(f"{path}: a model of {model.identities} identities was given {len(names)} names")
    content = {
        "kind": KIND,
        "architecture": {"name": model.name, "options": model.options},
        "identities": [int(identity) for identity in identities],
        "names": list(names),
        "preprocessing": {"height": height, "width": width, "mean": list(pixels.MEAN), "std": list(pixels.STD)},
        "state": {key: value.detach().cpu() for key, value in model.state_dict().items()},
    }
    save_checkpoint(path, content)


def read_model_file(path: Path, device: torch.device | str = "cpu") -> StoredModel:
    """Read a file that `save_model` wrote. `UserError` when it is missing, damaged or something else."""
    content = current_model_file(load_checkpoint(path, device))
    require_kind(path, content, KIND, WANTED)
    with fitting(path):
        architecture, identities = content["architecture"], tuple(content["identities"])
        size = content["preprocessing"]
        network = build_model(architecture["name"], len(identities), **architecture["options"])
        network.load_state_dict(content["state"])
        names = tuple(content.get("names", ()))
        return StoredModel(network.to(device).eval(), identities, size["height"], size["width"], names)


def file_kind(path: Path) -> str | None:
    """What a file of ours holds, None for another system's; weights are not read where the format allows that.

    `UserError` where it is missing or damaged.
    """
    content = read_content(path, mmap=Path(path).is_file() and zipfile.is_zipfile(path))
    kind = current_model_file(content).get("kind") if isinstance(content, dict) else None
    return kind if isinstance(kind, str) else None


def is_model_file(path: Path) -> bool:
    """Whether `save_model` wrote a file, rather than another system.

    `UserError` for another of our files (a checkpoint), which is no other system's either.
    """
    kind = file_kind(path)
    if kind is not None:
        require_kind(path, {"kind": kind}, KIND, WANTED)
    return kind is not None
