"""`read_model`: a trained re-ID model from its file, ours or another system's."""

import logging
from collections.abc import Mapping
from pathlib import Path

import torch

from dgnet.core.errors import UserError
from dgnet.core.weights import read_state_dict
from dgnet.models.model_file import StoredModel, is_model_file, read_model_file
from dgnet.models.registry import build_model, model_class, model_names
from dgnet.models.reid_model import Option, ReIDModel
from dgnet.models.state_dicts import State, classifier_entries, described, fill, identities_in, is_state_of, own_keys

_log = logging.getLogger(__name__)


def read_model(
    path: Path, name: str | None = None, device: torch.device | str = "cpu", **options: Option
) -> StoredModel:
    """A trained model from its file, ours or another system's.

    Args:
        name: the model that the file should hold. Needed for another system's file and for a bare state dict, which do
            not tell it; checked for ours (`resnet50` also stands for a `resnet50_kd`, which is the same once it is
            deployed).
        options: of such a model, what its file does not tell (the pooling of MGN).

    Raises:
        UserError: the file is unreadable or damaged; it holds another model than `name`; no name is given for another
            system's file; or it holds the weights of a trunk alone. A missing classifier is no error: testing needs
            the embedding.
    """
    if is_model_file(path):
        stored = read_model_file(path, device)
        held = stored.network.name
        if name not in (None, held, stored.network.deployed_name(held)):
            raise UserError(f"{path}: holds the model {held!r}, not {name!r}")
        return stored
    if name is None:
        names = [name for name in model_names() if model_class(name).third_party_classifier]
        raise UserError(
            f"{path}: another system's file does not tell which model it holds; name it: {', '.join(names)}"
        )
    network = _read_third_party(path, name, options)
    return StoredModel(network.to(device).eval(), (), *network.usual_size)


def _read_third_party(path: Path, name: str, options: Mapping[str, Option]) -> ReIDModel:
    cls, state = model_class(name), read_state_dict(path)
    with torch.device("meta"):
        ours = build_model(name, 1, **options)
    if is_state_of(ours, state):
        identities = identities_in(state, own_keys, ours)
        model = build_model(name, identities or 1, **options)
        unneeded = frozenset() if identities else classifier_entries(ours)
        fill(model, state, own_keys, [key for key in model.state_dict() if key not in unneeded], path)
        height, width = model.usual_size
        _log.warning(
            "warning: %s: bare weights, which do not tell the size of their images nor the model's options: taken as "
            "%s; the files mAP_*.pth and last.pth tell both",
            path,
            f"{described(model)} of images of {height}x{width}, if no size is asked for",
        )
        return model
    identities = _third_party_identities(cls, state)
    deployed = cls.deployed_name(name)
    # Files that are meant for testing alone come without the classifier.
    model = build_model(deployed, identities or 1, **{**options, **cls.third_party_options(state)})
    if cls.third_party_classifier is None or not any(model.third_party_keys(key) for key in state):
        raise UserError(f"{path}: holds no trained {name!r} ({_first_keys(state)})")
    if deployed != name:
        # What only training needs is ignored.
        state = {key: value for key, value in state.items() if model.third_party_keys(key)}
    needed = list(model.state_dict())
    if identities is None:
        (place,) = model.third_party_keys(cls.third_party_classifier)
        needed = [key for key in needed if key.partition(".")[0] != place.partition(".")[0]]
    fill(model, state, model.third_party_keys, needed, path)
    return model


def _third_party_identities(cls: type[ReIDModel], state: State) -> int | None:
    key = cls.third_party_classifier
    return None if key is None or key not in state else len(state[key])


def _first_keys(state: State) -> str:
    keys = list(state)
    return f"its entries are {', '.join(keys[:3])}{', ...' if len(keys) > 3 else ''}"
