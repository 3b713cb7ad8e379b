"""The checkpoint of a resumed training, which must be one of its own: same kind, same data."""

import hashlib
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from dgnet.core.checkpoint import State, load_checkpoint, require_kind
from dgnet.core.content import content_hashes
from dgnet.core.errors import UserError
from dgnet.data.readers.names import number
from dgnet.data.records import Dataset
from dgnet.models.reid_model import ReIDModel
from dgnet.runs.checkpoint import list_checkpoints

_log = logging.getLogger(__name__)


def data_fingerprint(
    dataset: Dataset, processes: int, generated: bytes = b"", generated_files: Sequence[Path] = ()
) -> State:
    """What determines the batches of a training, as its checkpoints store it; a resumed run must have the same.

    Args:
        generated: the fingerprint of the source of generated images; empty for none.
        generated_files: its images, where they are files.

    Returns:
        `identities`: in the order of the classes; `names`: those of these people, which a resumed run may change;
        `images`: a hash over the name, identity and size in bytes of each file (the data set's folder may move);
        `content`: a hash over the bytes of all these files and of the generated ones; `generated`: a hash;
        `processes`: how many share a batch.
    """
    return {
        "identities": list(dataset.identities),
        "names": list(dataset.people),
        "images": _labeled_files(dataset),
        "content": images_content([*(record.path for record in dataset.train), *generated_files]),
        "generated": hashlib.sha256(generated).hexdigest(),
        "processes": processes,
    }


def _labeled_files(dataset: Dataset) -> str:
    """SHA-256 over the name, the identity and the size in bytes of each training image."""
    images = b"".join(
        # Names of files are bytes: not all of them are text.
        os.fsencode(f"{record.path.name}\0{record.identity}\0{record.path.stat().st_size}\n")
        for record in dataset.train
    )
    return hashlib.sha256(images).hexdigest()


def images_content(paths: Sequence[Path]) -> str:
    """SHA-256 over the bytes of a training's images, in their order."""
    return hashlib.sha256("".join(content_hashes(paths)).encode()).hexdigest()


def require_trained_on(run: Path, dataset: Dataset) -> None:
    """`UserError` where the training whose folder is `run` had other images than those of a data set, or other labels.

    What its last checkpoint does not tell (those of earlier versions) is not compared.
    """
    paths = list_checkpoints(run / "checkpoints")
    if not paths:
        return
    state, now = load_checkpoint(paths[-1], "cpu"), data_fingerprint(dataset, 1)
    if any(state.get(name, now[name]) != now[name] for name in ("identities", "images", "content")):
        raise UserError(
            f"{run}: was trained on other images or identities than those of {dataset.root}; remove that folder to "
            "train it anew, or use another --name"
        )


def warn_of_other_images(weights: Path, names: Sequence[str], dataset: Dataset) -> None:
    """A warning where a classifier knows people by numbers alone, those of the data set, and the run in whose folder
    its weights lie was trained on other images: 7 may be another person there.

    What the run does not tell is not compared. `names` are those of the classes, empty where they are not known.
    """
    if any(number(name) is None for name in names):
        return  # told by their names
    try:
        paths = list_checkpoints(weights.parent / "checkpoints")
        state = load_checkpoint(paths[-1], "cpu") if paths else {}
    except UserError:
        return
    if "images" in state and state["images"] != _labeled_files(dataset):
        _log.warning(
            "warning: %s was trained on other images than those of %s: its %d classes have the same numbers, and are "
            "wrong where these are other people there",
            weights,
            dataset.root,
            len(dataset.identities),
        )


def warn_of_initial_images(model: nn.Module, weights: Path | None, dataset: Dataset) -> None:
    """`warn_of_other_images` for initial weights that have brought a classifier."""
    if weights is not None and isinstance(model, ReIDModel) and model.initial_classes is not None:
        warn_of_other_images(weights, model.initial_classes[1], dataset)


def load_resume_state(path: Path, kind: str, dataset: Dataset, device: torch.device, fingerprint: State) -> State:
    """Read the checkpoint of a resumed training.

    Args:
        kind: what the checkpoint must hold under "kind".
        fingerprint: the `data_fingerprint` of the resumed training.

    Raises:
        UserError: it is another kind's, or was trained on other identities, images, generated images or by another
            number of processes.
    """
    state = load_checkpoint(path, device)
    # Checkpoints of earlier versions lack some of these entries, or all of them; what is missing is not compared.
    if "kind" in state:
        require_kind(path, state, kind, f"a {kind}")
    stored: State = {name: state.get(name, value) for name, value in fingerprint.items()}
    refusals = {
        "identities": f"on {len(stored['identities'])} identities that are not the {len(fingerprint['identities'])} of "
        f"{dataset.root}; name the data it began with by data.root=...",
        "images": f"on other images than the {len(dataset.train)} of {dataset.root}: their names, identities, sizes or "
        "order differ; name the data it began with by data.root=..., put its images back",
        "content": f"on images of another content than those of {dataset.root} (or of generated.source) have now, "
        "under the same names; put its images back",
        "generated": "with other generated images than generated.source gives now; put those it began with back (of a "
        "generator, the checkpoint)",
        "processes": f"by {stored['processes']} processes, now there are {fingerprint['processes']}; start as many as "
        "then (torchrun --nproc-per-node)",
    }
    for name, refusal in refusals.items():
        if stored[name] != fingerprint[name]:
            raise UserError(f"{path} was trained {refusal}, or begin a new run under another --name")
    return state
