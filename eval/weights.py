"""Weights of other people's networks: a local file, torch's copy, or their publisher's download; checked by hash."""

import hashlib
import urllib.error
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dgnet.core.errors import UserError


def published_sha256(url: str) -> str:
    """torch's convention: a file of weights bears the first eight digits of its SHA-256 in its name."""
    return url.rsplit("/", 1)[1].rsplit(".", 1)[0].rsplit("-", 1)[1]


def published_weights(url: str, given: Path | None, option: str, sha256: str | None = None) -> dict[str, Any]:
    """The state dict published at `url`, on the CPU.

    Args:
        given: a local file; without it the copy that torch keeps in its folder, or else a download to there.
        option: what a user names the file by, for the sentence that asks for it.
        sha256: what the hexadecimal SHA-256 of the file must begin with; the digits in the published name by default.

    Raises:
        UserError: no file and no way to get it; another file than that; not a state dict.
    """
    name = url.rsplit("/", 1)[1]
    path = Path(given) if given is not None else Path(torch.hub.get_dir()) / "checkpoints" / name
    if given is None and not path.is_file():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(path), published_sha256(url), progress=False)
        except (urllib.error.URLError, OSError, RuntimeError) as error:
            reason = getattr(error, "reason", None) or error
            raise UserError(
                f"{name} is needed and could not be downloaded ({reason}): fetch {url} elsewhere and name the file by "
                f"{option}"
            ) from error
    check_sha256(path, published_sha256(url) if sha256 is None else sha256)
    return read_state(path)


def read_state(path: Path) -> dict[str, Any]:
    """A PyTorch state dict from a file, on the CPU; `UserError` for anything else."""
    if not path.is_file():
        raise UserError(f"{path}: no such file of weights")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises several unrelated types for a damaged file
        raise UserError(f"{path}: not a readable PyTorch state dict ({error.__class__.__name__})") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise UserError(f"{path}: not a PyTorch state dict")
    return dict(state)


def check_sha256(path: Path, beginning: str) -> None:
    """`UserError` unless the file is there and its hexadecimal SHA-256 begins so."""
    if not path.is_file():
        raise UserError(f"{path}: no such file of weights")
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        while part := handle.read(2**20):
            digest.update(part)
    if not digest.hexdigest().startswith(beginning.lower()):
        raise UserError(f"{path}: its SHA-256 must begin with {beginning}, and it is {digest.hexdigest()[:16]}...")
