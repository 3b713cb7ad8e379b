"""The state that a resumed training goes on from, which must be one of its own."""

import hashlib
import os
from pathlib import Path

import torch

from dgnet.core.checkpoint import State, load_checkpoint, require_kind
from dgnet.core.errors import UserError
from dgnet.data.records import Dataset


def learned_from(dataset: Dataset, processes: int, generated: bytes = b"") -> State:
    """What the state of a training says of what it learns from; with anything else its batches would be others.

    `identities` in the order of the classes; `images`, a hash over the name, identity and size in bytes of each file
    (the data set's folder may move); `generated`, a hash of what the source of generated images says of itself; and how
    many `processes` share a batch.
    """
    images = b"".join(
        # Names of files are bytes: not all of them are text.
        os.fsencode(f"{record.path.name}\0{record.identity}\0{record.path.stat().st_size}\n")
        for record in dataset.train
    )
    return {
        "identities": list(dataset.identities),
        "images": hashlib.sha256(images).hexdigest(),
        "generated": hashlib.sha256(generated).hexdigest(),
        "processes": processes,
    }


def state_to_go_on_from(path: Path, kind: str, dataset: Dataset, device: torch.device, learns: State) -> State:
    """Read the checkpoint of a training, which says what it is (`kind`) and what it learns from (`learned_from`).

    Raises:
        UserError: it is another kind's, or learned from other identities, images, generated images or in another number
            of processes.
    """
    state = load_checkpoint(path, device)
    # Teachers' and heads' checkpoints of earlier versions say nothing of themselves, others not all of what they learn.
    if "kind" in state:
        require_kind(path, state, kind, f"a {kind}")
    known: State = {name: state.get(name, present) for name, present in learns.items()}
    refusals = {
        "identities": f"on {len(known['identities'])} identities that are not the {len(learns['identities'])} of "
        f"{dataset.root}; name the data it began with by data.root=...",
        "images": f"on other images than the {len(dataset.train)} of {dataset.root}: their names, identities, sizes or "
        "order differ; name the data it began with by data.root=..., put its images back",
        "generated": "with other generated images than generated.source gives now; put those it began with back (of a "
        "generator, the checkpoint)",
        "processes": f"by {known['processes']} processes, now there are {learns['processes']}; start as many as then "
        "(torchrun --nproc-per-node)",
    }
    for name, refusal in refusals.items():
        if known[name] != learns[name]:
            raise UserError(f"{path} was trained {refusal}, or begin a new run under another --name")
    return state
