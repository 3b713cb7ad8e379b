"""State dicts under a model's own keys: whose they are, how many identities they have, and how they fill it."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from dgnet.core.errors import UserError
from dgnet.models.registry import build_model
from dgnet.models.reid_model import ReIDModel

# Of the batches that a norm has seen: old files lack it.
_COUNT = "num_batches_tracked"
State = Mapping[str, Tensor]
# A key of a state dict -> the keys of the model that its entry belongs to.
KeyMap = Callable[[str], list[str]]


def fill(model: nn.Module, state: State, places_of: KeyMap, needed: Iterable[str], path: Path) -> None:
    """Load `state` under the keys of `places_of`; every entry must have a place, every `needed` key an entry."""
    known = model.state_dict()
    translated: dict[str, Tensor] = {}
    wrong: list[str] = []
    for key, value in state.items():
        if key.startswith("base.fc."):
            continue
        places = places_of(key)
        translated |= dict.fromkeys(places, value)
        if not places or any(place not in known or known[place].shape != value.shape for place in places):
            wrong.append(key)
    lacking = [key for key in needed if key not in translated and not key.endswith(_COUNT)]
    if wrong or lacking:
        than = f" than the model {model.name!r}" if isinstance(model, ReIDModel) else ""
        first = f"first mismatch: {wrong[0]}" if wrong else f"the file lacks {lacking[0]}"
        raise UserError(f"{path}: weights of another architecture{than} ({first})")
    model.load_state_dict(translated, strict=False)


def classifier_entries(model: ReIDModel) -> frozenset[str]:
    """The entries of its state dict whose shapes depend on the number of identities."""
    with torch.device("meta"):
        larger = build_model(model.name, model.identities + 1, **model.options).state_dict()
    return frozenset(key for key, value in model.state_dict().items() if value.shape != larger[key].shape)


def identities_in(state: State, places_of: KeyMap, model: ReIDModel) -> int | None:
    """How many identities the classifiers of `state` have; None where it has none."""
    entries = classifier_entries(model)
    return next((len(value) for key, value in state.items() if entries & set(places_of(key))), None)


def is_state_of(model: ReIDModel, state: State) -> bool:
    """Whether `state` is a state dict of such a model of ours, of however many identities, saved without our file
    around it (`torch.save(model.state_dict(), path)`), or nearly is one: more of its keys are the model's own than
    those of the systems that it comes from.
    """
    own, given = ({key for key in keys if not key.endswith(_COUNT)} for keys in (model.state_dict(), state))
    return own == given or len(own & given) > sum(bool(model.third_party_keys(key)) for key in given)


def own_keys(key: str) -> list[str]:
    """The `KeyMap` of a model's own state dict."""
    return [key]


def described(model: ReIDModel) -> str:
    """Name and options of a model, in words."""
    options = ", ".join(f"{key} {value}" for key, value in model.options.items())
    return f"the model {model.name!r} ({options})"
