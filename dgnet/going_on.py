"""The state that a resumed training goes on from, which must be one of its own."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import torch

from dgnet.checkpoint import State, load_checkpoint, require_kind
from dgnet.data.records import Dataset
from dgnet.errors import UserError


def learnt_images(dataset: Dataset, generated: Sequence[Path] = ()) -> State:
    """What the state of a training says of the images that it learns from.

    `identities` in the order of the classes, and `images`, a hash over the name and the size in bytes of each file,
    real ones with their identity: in another order, or one file more or less, batches would differ. Folders may move.
    """
    digest = hashlib.sha256()
    for record in dataset.train:
        digest.update(f"{record.path.name}\0{record.identity}\0{record.path.stat().st_size}\n".encode())
    for path in generated:
        digest.update(f"{path.name}\0{path.stat().st_size}\n".encode())
    return {"identities": list(dataset.identities), "images": digest.hexdigest()}


def state_to_go_on_from(
    path: Path, kind: str, dataset: Dataset, device: torch.device, generated: Sequence[Path] = ()
) -> State:
    """Read the checkpoint of a training, which says what it is (`kind`) and which images it learns from.

    Raises:
        UserError: it is another kind's, or was trained on other identities or images than these.
    """
    state = load_checkpoint(path, device)
    # Teachers' and heads' checkpoints of earlier versions say nothing of themselves, others nothing of images.
    if "kind" in state:
        require_kind(path, state, kind, f"a {kind}")
    present = learnt_images(dataset, generated)
    known = state.get("identities")
    if known is not None and known != present["identities"]:
        raise UserError(
            f"{path} was trained on {len(known)} identities that are not the {len(dataset.identities)} "
            f"of {dataset.root}; name the data it began with by data.root=..., or begin a new run under another --name"
        )
    if state.get("images", present["images"]) != present["images"]:
        made = f" and {len(generated)} generated ones" if generated else ""
        raise UserError(
            f"{path} was trained on other images than the {len(dataset.train)} of {dataset.root}{made}: their names, "
            "sizes or number have changed; put the images it began with back, or begin a new run under another --name"
        )
    return state
