"""A trained generator from a checkpoint of its run."""

from pathlib import Path

import torch

from dgnet.config import parse_config
from dgnet.core.checkpoint import fitting, load_checkpoint, require_kind
from dgnet.core.errors import UserError
from dgnet.models.build import build_generator
from dgnet.runs.checkpoint import checkpoint_iteration, latest_checkpoint, list_checkpoints
from dgnet.runs.loaded_generator import LoadedGenerator

# What checkpoints of the joint training say under "kind".
KIND = "dgnet generator"


def read_generator(checkpoint: Path, device: torch.device | str = "cpu") -> LoadedGenerator:
    """The generator of one checkpoint, in evaluation mode.

    Raises:
        UserError: the file is missing, damaged, or no checkpoint of `tools/train_gan.py`.
    """
    content = load_checkpoint(checkpoint, device)
    require_kind(checkpoint, content, KIND, "a checkpoint of DG-Net (tools/train_gan.py writes them)")
    with fitting(checkpoint):
        config = parse_config(content["config"], str(checkpoint))
        identities, iteration = tuple(content["identities"]), int(content["iteration"])
        network = build_generator(config, len(identities), pretrained=False)
        network.load_state_dict(content["generator"])
    memory_format = torch.channels_last if config.run.channels_last else torch.contiguous_format
    network = network.to(device, memory_format=memory_format)  # type: ignore[call-overload]
    name = checkpoint.resolve().parent.parent.name
    names, images = tuple(content.get("names", ())), content.get("content", "")
    return LoadedGenerator(network.eval(), config, identities, iteration, name, (checkpoint,), names, images)


def checkpoint_of_run(folder: Path, iteration: int | None = None) -> Path:
    """The checkpoint after that iteration; the newest whole one by default. `UserError` where there is none."""
    checkpoints = list_checkpoints(folder / "checkpoints")
    if iteration is not None:
        matches = [path for path in checkpoints if checkpoint_iteration(path) == iteration]
        if not matches:
            present = ", ".join(str(checkpoint_iteration(path)) for path in checkpoints) or "none"
            raise UserError(f"{folder} has no checkpoint of iteration {iteration}; it has: {present}")
        return matches[0]
    newest = latest_checkpoint(folder / "checkpoints")
    if newest is None:
        raise UserError(f"{folder} has no checkpoints: train a generator with tools/train_gan.py first")
    return newest
