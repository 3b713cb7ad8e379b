"""A state in one file: written atomically, checked when read, loadable with `weights_only=True`.

A state is a tree of dictionaries, lists and tuples whose leaves are tensors, numbers, strings or None, so that a
file is data and never code: `torch.load(path, weights_only=True)` reads it anywhere.
"""

import contextlib
import hashlib
import pickle
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from dgnet.core.errors import UserError
from dgnet.core.files import replacing
from dgnet.core.old_files import current_checkpoint

State = dict[str, Any]

_EIGHT_BIT_FLOATS = (torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz)

_LEAVES = (bool, int, float, str, type(None), Tensor, torch.nn.Parameter)


def save_checkpoint(path: Path, state: State) -> None:
    """Write `state` to `path`, whole or not at all; a file of that name is replaced only by the finished new one.

    Raises `TypeError` naming the entry when the state holds what `weights_only=True` would not load, and `UserError`
    when the file cannot be written (full disk, missing folder, no permission): other checkpoints stay as they are.
    """
    path = Path(path)
    _require_plain(state, "state")
    try:
        with replacing(path) as handle:
            torch.save(state, handle)
    except (OSError, RuntimeError) as error:
        # torch hides the operating system's words (no space left) behind a RuntimeError of its own.
        cause = _operating_system_error(error)
        if cause is None:
            raise
        raise UserError(
            f"the checkpoint {path} could not be written: {cause.strerror}; "
            "earlier checkpoints are intact, continue from the last with --resume"
        ) from error


def load_checkpoint(path: Path, device: torch.device | str = "cpu") -> State:
    """Read a state written by `save_checkpoint`, its tensors on `device`.

    Every byte is checked against the sums in the file. Raises `UserError` naming the file when it is missing,
    truncated, altered, or holds anything but plain data in a dictionary, or numbers that are not finite.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"the checkpoint {path} does not exist")
    damage = find_damage(path)
    if damage is not None:
        raise UserError(f"the checkpoint {path} is damaged ({damage}); take an earlier one from {path.parent}")
    try:
        content = torch.load(path, map_location=device, weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(f"the checkpoint {path} holds more than tensors, numbers and strings: not loaded") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} is no checkpoint of ours: it holds a {type(content).__name__}, not a dictionary")
    require_finite(path, content)
    return current_checkpoint(content)


def require_finite(path: Path, content: object, name: str = "") -> None:
    """`UserError` that names the file and the tensor where a tensor holds NaN, infinity or no real numbers."""
    if isinstance(content, Mapping):
        for key, value in content.items():
            require_finite(path, value, f"{name}.{key}" if name else str(key))
    elif isinstance(content, (list, tuple)):
        for index, value in enumerate(content):
            require_finite(path, value, f"{name}.{index}" if name else str(index))
    elif isinstance(content, Tensor):
        _require_finite_tensor(path, content, name)


def _require_finite_tensor(path: Path, tensor: Tensor, name: str) -> None:
    # A network would take the real part of complex numbers, and 8-bit numbers without the scale that belongs to them.
    in_full = tensor.layout == torch.strided and tensor.dtype not in _EIGHT_BIT_FLOATS
    if tensor.is_complex() or tensor.is_quantized or not in_full:
        layout = "" if tensor.layout == torch.strided else f" ({tensor.layout})"
        raise UserError(f"{path}: {name} must hold real numbers of 16 bits or more, got {tensor.dtype}{layout}")
    if tensor.is_meta:
        raise UserError(f"{path}: {name} has a shape and no numbers (a tensor of the device meta)")
    if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
        count = int((~torch.isfinite(tensor)).sum())
        raise UserError(
            f"{path}: {name} holds NaN or infinity, {count} of its {tensor.numel()} numbers: the training that wrote "
            "it had failed"
        )
    if name.endswith("running_var") and bool((tensor < 0).any()):
        raise UserError(f"{path}: {name} holds negative variances, {int((tensor < 0).sum())} of {tensor.numel()}")


def require_kind(path: Path, content: State, kind: str, wanted: str) -> None:
    """`UserError` unless what was read from `path` says under "kind" that it is one; `wanted`: the same in words."""
    if content.get("kind") != kind:
        raise UserError(f"{path}: must hold {wanted}, {what_it_holds(content)}")


@contextlib.contextmanager
def fitting(path: Path) -> Iterator[None]:
    """Where networks are built from the content of the file `path`: what does not fit becomes a `UserError`.

    Weights may be of another network than the file says, and entries may be missing, in files that a program changed.
    """
    try:
        yield
    except UserError:
        raise
    except RuntimeError as error:
        first = str(error).splitlines()[-1].strip()[:200]
        raise UserError(f"{path}: its weights do not fit the networks of its configuration ({first})") from error
    except (KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{path}: its content is not what this version writes ({reason})") from error


def what_it_holds(content: State) -> str:
    """The end of a sentence about a wrong file."""
    kind = content.get("kind")
    return f"holds a {kind}" if isinstance(kind, str) else "does not say that it is a file of ours"


def find_damage(path: Path) -> str | None:
    """What is wrong with a checkpoint file in a few words, or None where each part has the sum it was written with."""
    try:
        with zipfile.ZipFile(path) as archive:
            if not any(name.endswith("/data.pkl") for name in archive.namelist()):
                return "not a checkpoint"
            broken = archive.testzip()
            return None if broken is None else f"{broken} does not have its checksum"
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError) as error:
        # NotImplementedError: a flipped bit in a header asks for a compression that does not exist.
        return f"{path.stat().st_size} bytes, {error or 'it ends too early'}"


def file_hash(path: Path) -> str:
    """The SHA-256 of a file's bytes in hexadecimal (64 characters)."""
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        while chunk := handle.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _require_plain(value: object, name: str) -> None:
    """Raise `TypeError` naming the first entry that is not plain data.

    Types are compared exactly: a numpy.float64 is a float, yet `weights_only=True` does not load it.
    """
    if type(value) in (dict, OrderedDict):
        for key, item in value.items():  # type: ignore[attr-defined]
            if type(key) not in (str, int, float, bool):
                raise TypeError(f"{name} has the key {key!r}; a checkpoint's keys are strings and numbers")
            _require_plain(item, f"{name}[{key!r}]")
    elif type(value) in (list, tuple):
        for index, item in enumerate(value):  # type: ignore[arg-type]
            _require_plain(item, f"{name}[{index}]")
    elif type(value) not in _LEAVES:
        kind = f"{type(value).__module__}.{type(value).__name__}"
        raise TypeError(f"{name} is a {kind}; a checkpoint holds tensors, numbers, strings, lists and dictionaries")


def _operating_system_error(error: BaseException | None) -> OSError | None:
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error
