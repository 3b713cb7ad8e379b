"""Weights in files that other programs wrote -> their tensors by name.

Files of ours are read by `dgnet.core.checkpoint.load_checkpoint`, which knows their checksums and old keys.
"""

import logging
import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from dgnet.core.checkpoint import require_finite
from dgnet.core.errors import UserError
from dgnet.core.stand_ins import StandIn, load_with_stand_ins

StateDict = dict[str, Tensor]
_log = logging.getLogger(__name__)

# The names under which training programs keep the weights, the first that is there; "a" is the official DG-Net's.
_WRAPPERS = (
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "network",
    "net",
    "module",
    "weights",
    "params",
    "a",
    "ema",
    "ema_state_dict",
    "model_ema",
    "state_dict_ema",
    "params_ema",
)
# What holds tensors and no weights of a network.
_NO_WEIGHTS = re.compile("optim|sched|scaler", re.IGNORECASE)
# Every key of a parallel, wrapped or averaged network's weights begins so; a compiled one has its prefix anywhere.
_PREFIXES = ("module.", "model.", "net.", "network.")
_COMPILED = "_orig_mod."
# Entries of layers that are never whole numbers.
_FLOATING = ("weight", "bias", "running_mean", "running_var")
# Counts of torch.optim.swa_utils.AveragedModel.
_COUNTS = ("n_averaged",)
# What torch raises for a damaged file, depending on where the damage is; AssertionError in older formats.
_DAMAGE = (RuntimeError, EOFError, OSError, ValueError, LookupError, TypeError, AttributeError, struct.error,
           AssertionError, ArithmeticError, MemoryError)  # fmt: skip
_MODULE_ADVICE = "which is not loaded; in the program that wrote it, save module.state_dict() instead"


def read_state_dict(path: Path, expected: str = "a state dict (tensors by name)") -> StateDict:
    """The state dict in a `.pth` file, on the CPU, without the wrappers and prefixes of training programs.

    Options, optimizers and counters beside the weights are passed over, whatever classes they are of. Of several sets
    of weights the plain ones are read, not their moving average, and a warning says so.

    Args:
        expected: what the file should hold, for the error's sentence.

    Raises:
        UserError: the file is missing, damaged, a pickled module (code, not data: it is never loaded), holds no
            tensors, several networks, or numbers that are not finite, not real, or whole where weights are.
    """
    content = read_content(path)
    state = _weights_in(content, path)
    if not state:
        if lists := _lists_of_weights(content):
            raise UserError(
                f"{path}: {lists}, and nothing tells which set is meant; save that one alone by torch.save, as a "
                "dictionary of tensors"
            )
        kind = "" if isinstance(content, dict) else f", it holds {_described(content)}"
        inside = f"holds no weights but {_described(content)}; it " if isinstance(content, dict) else ""
        raise UserError(f"{path}: {inside}must hold {expected}{kind}")
    state = {key.replace(_COMPILED, ""): value for key, value in state.items() if key not in _COUNTS}
    while prefix := next((prefix for prefix in _PREFIXES if all(key.startswith(prefix) for key in state)), None):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    require_finite(path, state)
    for key, value in state.items():
        if key.rsplit(".", 1)[-1] in _FLOATING and not value.is_floating_point():
            raise UserError(f"{path}: {key} must hold floating-point numbers, got {value.dtype}: quantized weights")
    return state


def read_content(path: Path, *, mmap: bool = False) -> Any:
    """What a file written by `torch.save` holds, on the CPU; tensors stay on the disk until used with `mmap`.

    Objects of other programs' classes are there as `dgnet.core.stand_ins.StandIn`: nothing in the file is executed.

    Raises:
        UserError: the file is missing, damaged, or a pickled module (code, not data: it is never loaded).
    """
    if not Path(path).is_file():
        kind = "a folder, and it must be a file" if Path(path).is_dir() else "no such file"
        raise UserError(f"{path}: {kind} of weights")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "'torch.load' received a zip file")  # said below
            content = load_with_stand_ins(path, mmap=mmap)
    except pickle.UnpicklingError as error:
        if code := re.search(r"GLOBAL (\S+)", str(error)):
            raise UserError(f"{path}: holds code ({code[1]}), {_MODULE_ADVICE}") from error
        raise UserError(f"{path}: not a PyTorch file, or a damaged one{_what_instead(path)}") from error
    except _DAMAGE as error:
        raise UserError(f"{path}: not a PyTorch file, or a damaged one{_what_instead(path)}") from error
    if isinstance(content, StandIn) and content.is_module:
        raise UserError(f"{path}: a pickled module (of the class {content.class_name}), {_MODULE_ADVICE}")
    return content


def _weights_in(content: Any, path: Path) -> StateDict:
    """The tensors by name somewhere in the content of a file; nothing where there are none."""
    if not isinstance(content, Mapping):
        return {}
    state = {key: value for key, value in content.items() if isinstance(key, str) and isinstance(value, Tensor)}
    wrapped = [name for name in _WRAPPERS if _holds_tensors(content.get(name))]
    for name in _WRAPPERS:
        inside = content.get(name)
        if isinstance(inside, StandIn) and inside.is_module:
            raise UserError(
                f"{path}: its {name!r} is a pickled module (of the class {inside.class_name}), {_MODULE_ADVICE}"
            )
        if name in wrapped:
            # Beside the weights of a network, whose names have dots, a mean or a counter is none.
            beside = [repr(other) for other in wrapped if other != name]
            beside += [f"{len(state)} tensors outside of it"] if any("." in key for key in state) else []
            if beside:
                _log.warning(
                    "warning: %s: holds several sets of weights, and %r is read, not %s; save the one that is meant "
                    "alone to have it read",
                    path,
                    name,
                    ", ".join(beside),
                )
            return _weights_in(inside, path)
    if state:
        return state
    sets = {
        str(key): value for key, value in content.items() if _holds_tensors(value) and not _NO_WEIGHTS.search(str(key))
    }
    if len(sets) > 1:
        raise UserError(f"{path}: holds several networks ({', '.join(sets)}); save the one that is meant alone")
    return next((_weights_in(value, path) for value in sets.values()), {})


def _holds_tensors(content: Any, depth: int = 4) -> bool:
    """Whether there are tensors by name in a dictionary, or in the dictionaries in it."""
    if not isinstance(content, Mapping) or depth == 0:
        return False
    return any(
        isinstance(key, str) and (isinstance(value, Tensor) or _holds_tensors(value, depth - 1))
        for key, value in content.items()
    )


def _lists_of_weights(content: Any) -> str:
    """What was found, for a sentence, where sets of weights lie in lists; empty where none do."""
    if isinstance(content, (list, tuple)):
        sets = sum(map(_holds_tensors, content))
        return f"holds a {_kind(content)} with {sets} sets of weights" if sets else ""
    inside = content if isinstance(content, Mapping) else {}
    found = [
        f"its {key!r} is a {_kind(value)} with {sum(map(_holds_tensors, value))} sets of weights"
        for key, value in inside.items()
        if isinstance(value, (list, tuple)) and any(map(_holds_tensors, value)) and not _NO_WEIGHTS.search(str(key))
    ]
    return ", ".join(found)


def _described(content: Any) -> str:
    """What was found, for a sentence."""
    if isinstance(content, StandIn):
        return f"an object of the class {content.class_name}, which is not loaded"
    if isinstance(content, Mapping):
        if not content:
            return "an empty dictionary"
        entries = [f"{key!r} ({_kind(value)})" for key, value in list(content.items())[:6]]
        return ", ".join([*entries, *(["..."] if len(content) > 6 else [])])
    return f"a {_kind(content)}"


def _kind(value: Any) -> str:
    return value.class_name if isinstance(value, StandIn) else type(value).__name__


def _archived(path: Path) -> list[str]:
    """The names in a zip archive, as files of weights are; none where it is no whole one."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, *_DAMAGE):
        return []


def _what_instead(path: Path) -> str:
    """What a file that torch cannot read looks like, for a sentence; nothing where its first bytes do not tell."""
    with open(path, "rb") as file:
        head = file.read(64)
    if not head:
        return " (the file is empty)"
    if head.startswith(b"version https://git-lfs"):
        return " (a pointer of Git LFS: fetch the file itself by `git lfs pull`)"
    if head.lstrip().lower().startswith((b"<!doctype", b"<html")):
        return " (a web page: the download did not work)"
    if head.startswith(b"\x1f\x8b"):
        return " (compressed by gzip: unpack it)"
    if names := _archived(path):
        if any(name.endswith("/constants.pkl") for name in names):
            return " (a TorchScript archive, which is a program; save its state_dict() by torch.save)"
        if not any(name.endswith("data.pkl") for name in names):
            return f" (an archive of {', '.join(names[:3])}; unpack it)"
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 10**8:
        return " (safetensors: save its tensors by torch.save)"
    return ""
