"""A trained generator from the checkpoints of its run, for whoever swaps, embeds or measures."""

from dataclasses import dataclass
from pathlib import Path

import torch

from dgnet.config import Config, parse_config
from dgnet.core.errors import UserError
from dgnet.models.build import build_generator
from dgnet.models.generator import Generator
from dgnet.models.head import HeadBuilder
from dgnet.runs.checkpoint import (
    checkpoint_iteration,
    latest_checkpoint,
    list_checkpoints,
    load_checkpoint,
    require_kind,
)

# What checkpoints of the joint training say under "kind".
KIND = "dgnet generator"


@dataclass(frozen=True)
class StoredGenerator:
    """A generator in evaluation mode with what its run knew: the configuration, the training identities, its age."""

    network: Generator
    config: Config
    identities: tuple[int, ...]
    iteration: int


def load_generator(
    path: Path,
    device: torch.device | str = "cpu",
    which: int | None = None,
    build_head: HeadBuilder | None = None,
) -> StoredGenerator:
    """Read the generator of a run.

    Args:
        path: a run's folder (`outputs/NAME`), or one of its checkpoints.
        which: the iteration whose checkpoint of the folder is read; the newest whole one by default.
        build_head: makes the head of a run whose appearance encoder is one (`appearance.head`).

    Raises:
        UserError: nothing is there, it is damaged, or it is no checkpoint of `tools/train_gan.py`.
    """
    path = Path(path)
    checkpoint = _checkpoint_of_run(path, which) if path.is_dir() else path
    content = load_checkpoint(checkpoint, device)
    require_kind(checkpoint, content, KIND, "a checkpoint of DG-Net (tools/train_gan.py writes them)")
    config = parse_config(content["config"], str(checkpoint))
    identities = tuple(content["identities"])
    network = build_generator(config, len(identities), pretrained=False, build_head=build_head)
    try:
        network.load_state_dict(content["generator"])
    except RuntimeError as error:
        first = str(error).splitlines()[-1].strip()
        raise UserError(f"{checkpoint}: its weights do not fit the networks of its configuration ({first})") from error
    layout = torch.channels_last if config.run.channels_last else torch.contiguous_format
    network = network.to(device, memory_format=layout)  # type: ignore[call-overload]
    return StoredGenerator(network.eval(), config, identities, content["iteration"])


def _checkpoint_of_run(folder: Path, which: int | None) -> Path:
    checkpoints = list_checkpoints(folder / "checkpoints")
    if which is not None:
        found = [path for path in checkpoints if checkpoint_iteration(path) == which]
        if not found:
            there = ", ".join(str(checkpoint_iteration(path)) for path in checkpoints) or "none"
            raise UserError(f"{folder} has no checkpoint of iteration {which}; it has: {there}")
        return found[0]
    newest = latest_checkpoint(folder / "checkpoints")
    if newest is None:
        raise UserError(f"{folder} has no checkpoints: train a generator with tools/train_gan.py first")
    return newest
