"""Weights from files into models: files of ours, of the systems that the models come from, and of ImageNet trunks.

What a file of another system means is the model's own knowledge: `ReIDModel.trunk_keys` for weights of the trunk alone
(ImageNet files of torchvision and IBN-Net), `ReIDModel.third_party_keys` for a whole model's.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from dgnet.core.errors import UserError
from dgnet.core.weights import read_state_dict
from dgnet.models.backbone import Backbone
from dgnet.models.model_file import StoredModel, is_model_file, read_model_file
from dgnet.models.registry import build_model, model_class, model_names
from dgnet.models.reid_model import Option, ReIDModel

# Of the batches that a norm has seen: old files lack it.
_COUNT = "num_batches_tracked"
State = Mapping[str, Tensor]
_log = logging.getLogger(__name__)
KeyMap = Callable[[str], list[str]]

# Classifiers that ImageNet files of a trunk carry along, as torchvision and timm call them.
IMAGENET_CLASSIFIERS = ("fc.", "base.fc.", "classifier.", "head.")


def load_pretrained(model: ReIDModel, path: Path, new_classifier: bool = False) -> bool:
    """Fill a new model from a file: one of ours, another system's, or weights of its trunk (ImageNet).

    Returns whether the whole model was filled (True), or its trunk alone (False); `model.initial_weights` says it in
    words. Whether a classifier knows the people of a data set is for `dgnet.models.people.require_initial_people`.

    Args:
        new_classifier: a trained model's classifier stays as it is in `model`, with random weights: for other
            identities than the file's.

    Raises:
        UserError: the file is unreadable or a pickled module, another architecture's, or has another number of
            identities than the model.

    Example:
        >>> model = build_model("resnet18", identities=751)
        >>> load_pretrained(model, "resnet18-f37072fd.pth")  # torchvision's file  # doctest: +SKIP
        False
    """
    kept = classifier_entries(model) if new_classifier else frozenset()
    needed = [key for key in model.state_dict() if key not in kept]
    if is_model_file(path):
        file = read_model_file(path)
        stored = file.network
        if (stored.name, stored.options) != (model.name, model.options):
            raise UserError(f"{path}: holds {_describe(stored)}, not {_describe(model)}")
        if not new_classifier:
            _require_identities(path, stored.identities, model)
            model.initial_classes = file.identities, file.names
        model.load_state_dict({key: value for key, value in stored.state_dict().items() if key in needed}, strict=False)
    else:
        state = read_state_dict(path)
        if _is_of_trunk(model, state):
            load_trunk(model, state, path)
            return False
        places_of = _own_keys if _is_state_of(model, state) else model.third_party_keys
        if new_classifier:
            state = {key: value for key, value in state.items() if not kept & set(places_of(key))}
        elif (identities := _identities_in(state, places_of, model)) is not None:
            _require_identities(path, identities, model)
            model.initial_classes = (), ()
        _fill(model, state, places_of, needed, path)
    model.initial_weights = f"weights of {path}: all" + (f" but {_names(kept)}, which begins anew" if kept else "")
    return True


def classifier_entries(model: ReIDModel) -> frozenset[str]:
    """The entries of its state dict whose shapes depend on the number of identities."""
    with torch.device("meta"):
        larger = build_model(model.name, model.identities + 1, **model.options).state_dict()
    return frozenset(key for key, value in model.state_dict().items() if value.shape != larger[key].shape)


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


def load_trunk(model: ReIDModel, state: State, path: Path) -> None:
    """Fill the trunk of `model` from a state dict of such a trunk, read from `path`; an ImageNet classifier is ignored.

    Raises:
        UserError: the weights are another architecture's.
    """
    parts = tuple(f"{part}." for part in model.trunk_parts)
    needed = [key for key in model.state_dict() if key.startswith(parts)]
    _fill(model, _without_classifier(state), model.trunk_keys, needed, path)
    rest = [key for key in model.state_dict() if key not in needed]
    model.initial_weights = f"weights of {path}: the trunk; random ones: {_names(rest)}"


def load_backbone(backbone: Backbone, path: Path) -> None:
    """Fill a trunk from a file of its ImageNet weights (torchvision's `resnet50-*.pth`), ignoring their classifier, or
    from the trunk of a trained model in a file of ours.

    Raises:
        UserError: the file is missing, is no state dict, or is another architecture's.
    """
    if path.is_file() and is_model_file(path):
        state: State = read_model_file(path).network.trunk_state()
    else:
        state = read_state_dict(path, "pretrained weights, a torchvision ResNet state dict (.pth)")
    _fill(backbone, _without_classifier(state), lambda key: [key], backbone.state_dict(), path)
    backbone.initial_weights = f"weights of {path}: the trunk"


def _names(entries: Iterable[str]) -> str:
    """The submodules that entries of a state dict are of."""
    return ", ".join(dict.fromkeys(entry.rpartition(".")[0] for entry in sorted(entries)))


def _without_classifier(state: State) -> State:
    return {key: value for key, value in state.items() if not key.startswith(IMAGENET_CLASSIFIERS)}


def _read_third_party(path: Path, name: str, options: Mapping[str, Option]) -> ReIDModel:
    cls, state = model_class(name), read_state_dict(path)
    with torch.device("meta"):
        ours = build_model(name, 1, **options)
    if _is_state_of(ours, state):
        model = build_model(name, _identities_in(state, _own_keys, ours) or 1, **options)
        _fill(model, state, _own_keys, state, path)
        height, width = model.usual_size
        _log.warning(
            "warning: %s: bare weights, which do not tell the size of their images nor the model's options: taken as "
            "%s; the files mAP_*.pth and last.pth tell both",
            path,
            f"{_describe(model)} of images of {height}x{width}, if no size is asked for",
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
    _fill(model, state, model.third_party_keys, needed, path)
    return model


def _first_keys(state: State) -> str:
    keys = list(state)
    return f"its entries are {', '.join(keys[:3])}{', ...' if len(keys) > 3 else ''}"


def _own_keys(key: str) -> list[str]:
    return [key]


def _is_state_of(model: ReIDModel, state: State) -> bool:
    """Whether `state` is a state dict of such a model of ours, of however many identities, saved without our file
    around it (`torch.save(model.state_dict(), path)`)."""
    own, given = ({key for key in keys if not key.endswith(_COUNT)} for keys in (model.state_dict(), state))
    return own == given


def _identities_in(state: State, places_of: KeyMap, model: ReIDModel) -> int | None:
    """How many identities the classifiers of `state` have; None where it has none."""
    entries = classifier_entries(model)
    return next((len(value) for key, value in state.items() if entries & set(places_of(key))), None)


def _third_party_identities(cls: type[ReIDModel], state: State) -> int | None:
    key = cls.third_party_classifier
    return None if key is None or key not in state else len(state[key])


def _is_of_trunk(model: ReIDModel, state: State) -> bool:
    """Whether entries of a state dict have their place in the model's trunk under the trunk's own names."""
    known = model.state_dict()
    return any((places := model.trunk_keys(key)) and all(place in known for place in places) for key in state)


def _fill(model: nn.Module, state: State, places_of: KeyMap, needed: Iterable[str], path: Path) -> None:
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
    wrong += [key for key in needed if key not in translated and not key.endswith(_COUNT)]
    if wrong:
        than = f" than the model {model.name!r}" if isinstance(model, ReIDModel) else ""
        raise UserError(f"{path}: weights of another architecture{than} (first mismatch: {wrong[0]})")
    model.load_state_dict(translated, strict=False)


def _require_identities(path: Path, identities: int, model: ReIDModel) -> None:
    if identities != model.identities:
        raise UserError(
            f"{path}: these weights have {identities} identities, the model {model.name!r} has {model.identities}; "
            "new_classifier=true beside weights=... keeps all but the classifier, which begins anew"
        )


def _describe(model: ReIDModel) -> str:
    options = ", ".join(f"{key} {value}" for key, value in model.options.items())
    return f"the model {model.name!r} ({options})"
