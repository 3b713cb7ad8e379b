"""`torch.load(weights_only=True)` for files that hold more than weights: unknown classes are read as inert stand-ins.

Training programs put options (`argparse.Namespace`, OmegaConf, a `Path`), NumPy numbers or whole modules beside the
weights. Nothing of these classes is imported or called: what the file says of them ends in an empty class of ours.
"""

import pickle
import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch

# What torch says of a class that it does not know, and of one that it would not fill like a dictionary or a list.
_UNKNOWN = re.compile(r"GLOBAL (\S+) was not an allowed global")
_LIKE_A_DICTIONARY = re.compile(r"Can only SETITEMS? for .* but got <class '([^']+)'>")
_LIKE_A_LIST = re.compile(r"Can only append to lists, but got <class '([^']+)'>")


class StandIn:
    """An object of a class that was not loaded; `state` is what the file holds of it."""

    state: Any = None

    def __new__(cls, *_: Any, **__: Any) -> Any:
        return object.__new__(cls)

    def __init__(self, *_: Any, **__: Any) -> None:
        """The arguments of the class that it stands for are ignored."""

    def __setstate__(self, state: Any) -> None:
        self.state = state

    @property
    def class_name(self) -> str:
        """The dotted name of the class that it stands for."""
        return f"{type(self).__module__}.{type(self).__name__}"

    @property
    def is_module(self) -> bool:
        """Whether it stands for a whole `torch.nn.Module`."""
        return isinstance(self.state, dict) and {"_parameters", "_modules"} <= self.state.keys()


class _LikeADictionary(StandIn):
    def __new__(cls, *_: Any, **__: Any) -> Any:
        return OrderedDict()


class _LikeAList(StandIn):
    def __new__(cls, *_: Any, **__: Any) -> Any:
        return []


def load_with_stand_ins(path: Path, *, mmap: bool = False) -> Any:
    """What a file of `torch.save` holds, on the CPU; objects of unknown classes as `StandIn`, or as the dictionary or
    list that they are filled like.

    Raises what `torch.load` raises; `pickle.UnpicklingError` for code of the modules that torch blocks, too.
    """
    stand_ins: dict[str, type] = {}
    while True:
        try:
            with torch.serialization.safe_globals(list(stand_ins.values())):
                return torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
        except pickle.UnpicklingError as error:
            if not _add_stand_in(stand_ins, str(error)):
                raise


def _add_stand_in(stand_ins: dict[str, type], message: str) -> bool:
    """Add the stand-in that torch's message asks for; whether there was one to add."""
    for pattern, base in ((_UNKNOWN, StandIn), (_LIKE_A_DICTIONARY, _LikeADictionary), (_LIKE_A_LIST, _LikeAList)):
        if match := pattern.search(message):
            module, _, name = match[1].rpartition(".")
            # torch leaves "builtins." out.
            module = module or "builtins"
            full_name = f"{module}.{name}"
            if issubclass(stand_ins.get(full_name, object), base):
                return False
            stand_ins[full_name] = type(name, (base,), {"__module__": module, "__qualname__": name})
            return True
    return False
