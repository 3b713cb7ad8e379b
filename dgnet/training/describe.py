"""What a training with a configuration would be: its settings, its data and the sizes of its networks."""

from collections.abc import Callable
from pathlib import Path

import yaml
from torch import nn

from dgnet.config import Config, resolved
from dgnet.core.errors import UserError
from dgnet.data.datasets import read_dataset
from dgnet.data.description import describe_dataset
from dgnet.data.records import Dataset
from dgnet.models.build import build_discriminator, build_generator, parameter_count
from dgnet.training.schedule import describe_unused_terms


def describe_training(config: Config, check: Callable[[Dataset], None]) -> str:
    """YAML of the resolved settings; as comments the data set, the networks, what is missing, and where nothing is what
    `check` refuses. Writes nothing.

    Without a data set the number of identities is not known: sizes that depend on it are given per identity.
    """
    lines = [yaml.safe_dump(resolved(config), sort_keys=False).rstrip()]
    missing = _missing_files(config)
    identities, dataset = None, None
    try:
        layout = "market1501" if config.data.layout == "synthetic" else config.data.layout
        dataset = read_dataset(Path(config.data.root), layout)
        identities = len(dataset.identities)
        lines += [f"# {line}" for line in describe_dataset(dataset).splitlines()]
    except UserError as error:
        if config.data.layout == "synthetic":
            lines.append(f"# the built-in pedestrians will be made at {config.data.root}")
            identities = config.data.synthetic.train_identities
        else:
            missing.append(f"the data set: {error}")
    for name, network in _networks(config, identities or 1).items():
        size = parameter_count(network)
        if identities is None:
            per_identity = parameter_count(_networks(config, 2)[name]) - size
            known = f"{size - per_identity:,} parameters"
            lines.append(f"# {name}: {known}" + (f", and {per_identity:,} per identity" if per_identity else ""))
        else:
            lines.append(f"# {name}: {size:,} parameters")
    lines += [f"# {sentence}" for sentence in filter(None, [describe_unused_terms(config)])]
    lines += [f"# missing: {sentence}" for sentence in missing]
    if dataset is not None and not missing:
        try:
            check(dataset)
        except UserError as error:
            lines.append(f"# refused: {error}")
    return "\n".join(lines)


def _networks(config: Config, identities: int) -> dict[str, nn.Module]:
    generator = build_generator(config, identities, pretrained=False)
    return {
        "appearance encoder": generator.appearance,
        "structure encoder": generator.structure,
        "decoder": generator.decoder,
        "discriminator": build_discriminator(config),
    }


def _missing_files(config: Config) -> list[str]:
    files = {
        "appearance.weights": config.appearance.weights,
        "teacher.weights": None if config.teacher.checkpoints else config.teacher.weights,
        **{f"teacher.checkpoints[{index}]": path for index, path in enumerate(config.teacher.checkpoints)},
    }
    return [f"{key}: no file {path}" for key, path in files.items() if path is not None and not path.is_file()]
