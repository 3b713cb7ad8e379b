"""A re-ID model that trains in this process, at once."""

from pathlib import Path
from typing import Any

import pytest
import torch

from dgnet.core.checkpoint import load_checkpoint
from dgnet.core.distributed import Distributed
from dgnet.core.errors import RunStopped
from dgnet.data.records import Dataset
from dgnet.models.model_file import save_model
from dgnet.models.registry import build_model
from dgnet.runs.checkpoint import list_checkpoints
from reid_heads.generated.sources import open_generated
from reid_heads.training.trainer import TrainingResult, train_model
from tests.reid_heads.small_data import small_config
from tests.tools.gan_tool import leaves

CPU = Distributed(0, 0, 1, torch.device("cpu"))


def train(place: Path, dataset: Dataset, generated: Any = None, **options: Any) -> TrainingResult:
    services = {name: options.pop(name) for name in ("resume", "max_hours", "evaluation", "draw") if name in options}
    config = small_config(**options)
    if generated is None:
        generated = open_generated(config.generated, dataset)
    return train_model(config, dataset, generated, place / "run", curves=place / "logs", distributed=CPU, **services)


def begin(place: Path, dataset: Dataset, generated: Any = None, **options: Any) -> None:
    """The first iteration of a run (or the next one): then its hours are over."""
    with pytest.raises(RunStopped) as stopped:
        train(place, dataset, generated, max_hours=1e-7, **options)
    assert stopped.value.exit_status == 0


def end_of(place: Path) -> dict[str, Any]:
    return dict(leaves(load_checkpoint(list_checkpoints(place / "run" / "checkpoints")[-1])))


def teacher_file(path: Path, dataset: Dataset, name: str = "resnet18", identities: int = 0) -> Path:
    torch.manual_seed(5)
    known = range(1, identities + 1) if identities else dataset.identities
    save_model(path, build_model(name, len(known)), tuple(known), 64, 32)
    return path
