"""Weights in files that other programs wrote -> their tensors by name.

Files of ours are read by `dgnet.core.checkpoint.load_checkpoint`, which knows their checksums and old keys.
"""

import pickle
import urllib.error
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dgnet.core.checkpoint import file_hash
from dgnet.core.errors import UserError

StateDict = dict[str, Tensor]

# Training programs wrap the weights in a dictionary ("a" is the official DG-Net's), and parallel ones every key in a
# prefix.
_WRAPPERS = ("state_dict", "model", "net", "a")
_PREFIXES = ("module.", "model.")


def read_state_dict(path: Path, expected: str = "a state dict (tensors by name)") -> StateDict:
    """The state dict in a `.pth` file, on the CPU, without the wrappers and prefixes of training programs.

    `expected` is what the file should hold, for the error's sentence.

    Raises:
        UserError: the file is missing, damaged, a pickled module (code, not data: it is never loaded), or holds no
            tensors.
    """
    content = read_content(path)
    for wrapper in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict):
        raise UserError(f"{path}: must hold {expected}, it holds a {type(content).__name__}")
    state = {key: value for key, value in content.items() if isinstance(value, Tensor)}
    if not state:
        raise UserError(f"{path}: holds no weights; it must hold {expected}")
    for prefix in _PREFIXES:
        if all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def read_content(path: Path, *, mmap: bool = False) -> Any:
    """What a file written by `torch.save` holds, on the CPU; tensors stay on the disk until used with `mmap`.

    Raises:
        UserError: the file is missing, damaged, or a pickled module (code, not data: it is never loaded).
    """
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file of weights")
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except pickle.UnpicklingError as error:
        if "GLOBAL" in str(error):
            raise UserError(
                f"{path}: a pickled module or other code, which is not loaded; in the program that wrote it, "
                "save module.state_dict() instead"
            ) from error
        raise UserError(f"{path}: not a PyTorch file, or a damaged one") from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise UserError(f"{path}: not a PyTorch file, or a damaged one ({error.__class__.__name__})") from error


def published_sha256(url: str) -> str:
    """torch's convention: a file of weights bears the first eight digits of its SHA-256 in its name."""
    return url.rsplit("/", 1)[1].rsplit(".", 1)[0].rsplit("-", 1)[1]


def published_weights(url: str, given: Path | None, option: str, sha256: str | None = None) -> StateDict:
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
    return read_state_dict(path)


def check_sha256(path: Path, beginning: str) -> None:
    """`UserError` unless the file is there and its hexadecimal SHA-256 begins so."""
    if not path.is_file():
        raise UserError(f"{path}: no such file of weights")
    digest = file_hash(path)
    if not digest.startswith(beginning.lower()):
        raise UserError(f"{path}: its SHA-256 must begin with {beginning}, and it is {digest[:16]}...")
