"""A trained head in one file that describes itself: architecture, options, identities, preprocessing, weights."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from dgnet.core import pixels
from dgnet.core.errors import UserError
from dgnet.models.head import Head, Option
from dgnet.runs.checkpoint import load_checkpoint, require_kind, save_checkpoint
from reid_heads.models.registry import HEADS, build_head
from reid_heads.weights.state_file import read_content
from reid_heads.weights.third_party import fill_from_original, read_original

KIND = "reid head"
WANTED = "a trained head (mAP_*.pth of tools/train.py or tools/train_mgn.py)"


@dataclass(frozen=True)
class StoredHead:
    """A head in evaluation mode with what its training knew.

    `identities` are the data set's numbers in the order of the logits, empty where the file does not tell them (other
    systems' files); `height` and `width` the size in pixels that images are resized to.
    """

    network: Head
    identities: tuple[int, ...]
    height: int
    width: int


def save_head(path: Path, head: Head, identities: Sequence[int], height: int, width: int) -> None:
    """Write a head, whole or not at all; `torch.load(path, weights_only=True)` reads the file anywhere.

    Raises:
        UserError: the file cannot be written, or the identities are not as many as the head's.
    """
    if len(identities) != head.identities:
        raise UserError(f"{path}: a head of {head.identities} identities was given a list of {len(identities)}")
    content = {
        "kind": KIND,
        "architecture": {"name": head.name, "options": head.options},
        "identities": [int(identity) for identity in identities],
        "preprocessing": {"height": height, "width": width, "mean": list(pixels.MEAN), "std": list(pixels.STD)},
        "state": {key: value.detach().cpu() for key, value in head.state_dict().items()},
    }
    save_checkpoint(path, content)


def load_head(path: Path, device: torch.device | str = "cpu") -> StoredHead:
    """Read a file that `save_head` wrote. `UserError` when it is missing, damaged or something else."""
    content = load_checkpoint(path, device)
    require_kind(path, content, KIND, WANTED)
    architecture, identities = content["architecture"], tuple(content["identities"])
    network = build_head(architecture["name"], len(identities), **architecture["options"])
    network.load_state_dict(content["state"])
    size = content["preprocessing"]
    return StoredHead(network.to(device).eval(), identities, size["height"], size["width"])


def open_head(path: Path, name: str | None = None, device: torch.device | str = "cpu", **options: Option) -> StoredHead:
    """A trained head from its file, ours or another system's.

    Args:
        name: the head that the file should hold. Another system's file does not tell it, so it is needed there; of our
            files it is checked (`resnet50` also stands for a `resnet50_kd`, which is the same once it is deployed).
        options: of another system's head, what its file does not tell (the pooling of MGN).

    Raises:
        UserError: as `load_head` and `read_original`; the file holds another head than `name`; or no name is given for
            another system's file.
    """
    if _holds_our_head(path):
        stored = load_head(path, device)
        if name not in (None, stored.network.name, stored.network.name.removesuffix("_kd")):
            raise UserError(f"{path}: holds the head {stored.network.name!r}, not {name!r}")
        return stored
    if name is None:
        raise UserError(f"{path}: another system's file does not say which head it holds; name it: {', '.join(HEADS)}")
    network = read_original(path, name, **options)
    return StoredHead(network.to(device).eval(), (), *network.usual_size)


def fill_head(head: Head, path: Path) -> bool:
    """Fill a new head from a file: one of ours, of the systems in `reid_heads.weights.third_party`, or ImageNet
    weights.

    Returns whether the whole head was filled (True), or its trunk alone (False: ImageNet weights).

    Raises:
        UserError: the file is unreadable or a pickled module, another architecture's, or knows another number of
            identities than the head.
    """
    if not _holds_our_head(path):
        return fill_from_original(head, path)
    stored = load_head(path).network
    if (stored.name, stored.options) != (head.name, head.options):
        raise UserError(f"{path}: holds {_describe(stored)}, not {_describe(head)}")
    if stored.identities != head.identities:
        raise UserError(f"{path}: knows {stored.identities} identities, the head {head.name!r} has {head.identities}")
    head.load_state_dict(stored.state_dict())
    return True


def _describe(head: Head) -> str:
    options = ", ".join(f"{key} {value}" for key, value in head.options.items())
    return f"the head {head.name!r} ({options})"


def _holds_our_head(path: Path) -> bool:
    """Whether a file is one of `save_head`, without reading its weights where the format allows that.

    `UserError` for another of our files (a teacher, a checkpoint), which is no other system's either.
    """
    content = read_content(Path(path), mmap=path.is_file() and zipfile.is_zipfile(path))
    if not isinstance(content, dict) or not isinstance(content.get("kind"), str):
        return False
    require_kind(path, content, KIND, WANTED)
    return True
