"""Weights from files into models: files of ours, of the systems that the models come from, and of ImageNet trunks.

Each model says which of its parameters a file of another system holds: `ReIDModel.trunk_keys` for weights of the trunk
alone (ImageNet files of torchvision and IBN-Net), `ReIDModel.third_party_keys` for a whole model's.
"""

from collections.abc import Iterable
from pathlib import Path

from dgnet.core.errors import UserError
from dgnet.core.weights import read_state_dict
from dgnet.models.backbone import Backbone
from dgnet.models.model_file import is_model_file, read_model_file
from dgnet.models.reid_model import ReIDModel
from dgnet.models.state_dicts import State, classifier_entries, described, fill, identities_in, is_state_of, own_keys

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
        >>> from dgnet.models.registry import build_model
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
            raise UserError(f"{path}: holds {described(stored)}, not {described(model)}")
        if not new_classifier:
            _require_identities(path, stored.identities, model)
            model.initial_classes = file.identities, file.names
        model.load_state_dict({key: value for key, value in stored.state_dict().items() if key in needed}, strict=False)
    else:
        state = read_state_dict(path)
        if _is_of_trunk(model, state):
            load_trunk(model, state, path)
            return False
        places_of = own_keys if is_state_of(model, state) else model.third_party_keys
        if new_classifier:
            state = {key: value for key, value in state.items() if not kept & set(places_of(key))}
        elif (identities := identities_in(state, places_of, model)) is not None:
            _require_identities(path, identities, model)
            model.initial_classes = (), ()
        fill(model, state, places_of, needed, path)
    model.initial_weights = f"weights of {path}: all" + (
        f" but {_names(kept)}, which is initialized randomly" if kept else ""
    )
    return True


def load_trunk(model: ReIDModel, state: State, path: Path) -> None:
    """Fill the trunk of `model` from a state dict of such a trunk, read from `path`; an ImageNet classifier is ignored.

    Raises:
        UserError: the weights are another architecture's.
    """
    parts = tuple(f"{part}." for part in model.trunk_parts)
    needed = [key for key in model.state_dict() if key.startswith(parts)]
    fill(model, _without_classifier(state), model.trunk_keys, needed, path)
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
    fill(backbone, _without_classifier(state), lambda key: [key], backbone.state_dict(), path)
    backbone.initial_weights = f"weights of {path}: the trunk"


def _names(entries: Iterable[str]) -> str:
    """The submodules that entries of a state dict are of."""
    return ", ".join(dict.fromkeys(entry.rpartition(".")[0] for entry in sorted(entries)))


def _without_classifier(state: State) -> State:
    return {key: value for key, value in state.items() if not key.startswith(IMAGENET_CLASSIFIERS)}


def _is_of_trunk(model: ReIDModel, state: State) -> bool:
    """Whether entries of a state dict have their place in the model's trunk under the trunk's own names."""
    known = model.state_dict()
    return any((places := model.trunk_keys(key)) and all(place in known for place in places) for key in state)


def _require_identities(path: Path, identities: int, model: ReIDModel) -> None:
    if identities != model.identities:
        raise UserError(
            f"{path}: these weights have {identities} identities, the model {model.name!r} has {model.identities}; "
            "new_classifier=true beside weights=... loads all but the classifier"
        )
