"""Whether a trained model's classes are the people of a data set."""

from collections.abc import Sequence
from itertools import zip_longest
from unicodedata import normalize

from torch import nn

from dgnet.core.errors import UserError
from dgnet.data.readers.names import number
from dgnet.data.records import Dataset
from dgnet.models.reid_model import ReIDModel


def other_people(identities: Sequence[int], names: Sequence[str], dataset: Dataset) -> str | None:
    """The first class of a model that is not the same person in a data set, in words; None where all are.

    Where the model's names are known, people are told by them: a number says only how they were counted, and one more
    person in the gallery shifts it. A name that is a number is that number ("0007" is 7).

    Args:
        identities: the numbers of the model's classes, in the order of the logits.
        names: their names; empty where only the numbers are known.

    >>> from dgnet.data.datasets import read_dataset
    >>> other_people((2, 7, 10), (), read_dataset("data/Market-1501"))
    """
    known = names or tuple(map(str, identities))
    here = dataset.people if names else tuple(map(str, dataset.identities))
    for position, (theirs, ours) in enumerate(zip_longest(known, here, fillvalue="")):
        if _plain(theirs) != _plain(ours):
            first, second = (repr(person) if person else "missing" for person in (theirs, ours))
            return f"class {position} is {first} there and {second} in {dataset.root}"
    return None


def require_initial_people(model: nn.Module, dataset: Dataset) -> None:
    """`UserError` where the classifier among a model's initial weights knows other people than the data set.

    Where the file does not name its people, `model.initial_weights` says that they were not compared.
    """
    if not isinstance(model, ReIDModel) or model.initial_classes is None:
        return
    identities, names = model.initial_classes
    if not names:
        model.initial_weights += "; the file does not name the people of its classifier: they were not compared"
    elif other := other_people(identities, names, dataset):
        raise UserError(
            f"{model.initial_weights}, but its classifier knows other people: {other}; new_classifier=true beside "
            "weights=... loads all but the classifier"
        )


def _plain(person: str) -> str:
    value = number(person)
    # Systems write the same accent in two ways into the names of folders.
    return normalize("NFC", person) if value is None else str(value)
