"""The state that a resumed training goes on from, which must be one of its own."""

from pathlib import Path

import torch

from dgnet.checkpoint import State, load_checkpoint, require_kind
from dgnet.data.records import Dataset
from dgnet.errors import UserError


def state_to_go_on_from(path: Path, kind: str, dataset: Dataset, device: torch.device) -> State:
    """Read the checkpoint of a training, which says what it is (`kind`) and which identities it learns.

    Raises:
        UserError: it is another kind's, or was trained on other identities than the data set's.
    """
    state = load_checkpoint(path, device)
    # Teachers' and heads' checkpoints of earlier versions say neither.
    if "kind" in state:
        require_kind(path, state, kind, f"a {kind}")
    known = state.get("identities")
    if known is not None and known != list(dataset.identities):
        raise UserError(
            f"{path} was trained on {len(known)} identities that are not the {len(dataset.identities)} "
            f"of {dataset.root}; name the data it began with by data.root=..., or begin a new run under another --name"
        )
    return state
