"""A file of weights, as other programs write it -> its tensors by name."""

import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dgnet.core.errors import UserError

# Training programs wrap the weights in a dictionary, and parallel ones every key in a prefix.
_WRAPPERS = ("state_dict", "model", "net")
_PREFIXES = ("module.", "model.")


def read_state(path: Path) -> dict[str, Tensor]:
    """The state dict in a `.pth` file, on the CPU, without wrappers and prefixes of parallel training.

    Raises:
        UserError: the file is missing, damaged, a pickled module (code, not data: it is never loaded), or holds no
            tensors.
    """
    content = read_content(Path(path))
    for wrapper in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict):
        raise UserError(f"{path}: weights are tensors by name (a state dict), this is a {type(content).__name__}")
    state = {key: value for key, value in content.items() if isinstance(value, Tensor)}
    if not state:
        raise UserError(f"{path}: holds no weights; a state dict has tensors by name")
    for prefix in _PREFIXES:
        if all(key.startswith(prefix) for key in state):
            state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def read_content(path: Path, *, mmap: bool = False) -> Any:
    """What a file written by `torch.save` holds, on the CPU; tensors stay on the disk until used with `mmap`.

    Raises:
        UserError: as `read_state`.
    """
    if not path.is_file():
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
