"""Of a network that a tool measures: the file of its weights, and the data set that it was trained on."""

from pathlib import Path

import yaml

from dgnet.config import Config
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.core.settings import parse_settings
from dgnet.data.records import Dataset
from dgnet.data.training_data import open_dataset
from dgnet.runs.checkpoint import latest_checkpoint
from dgnet.runs.find import is_official
from dgnet.runs.folder import CONFIG
from dgnet.training.teacher import TEACHER_FILE
from reid_heads.config import ReIDConfig
from reid_heads.load import run_weights


def weights_of(named: str | Path, output: Path = Path()) -> Path:
    """The file that `reid_extractor` reads for that name. `UserError` where there is none."""
    run = output / "outputs" / str(named)
    path = run if run.is_dir() else Path(named)
    if path.is_file():
        return path
    if own := run_weights(path):
        return own
    newest = (
        max((path / "checkpoints").glob("gen_*.pt")) if is_official(path) else latest_checkpoint(path / "checkpoints")
    )
    if newest is None:
        raise UserError(f"{path} holds no weights: neither {TEACHER_FILE}, mAP_*.pth nor checkpoints")
    return newest


def dataset_of_run(weights: Path) -> Dataset:
    """The data set that the configuration beside these weights names. `UserError` where there is none."""
    for folder in (weights.parent, weights.parent.parent):
        if (folder / CONFIG).is_file():
            source = folder / CONFIG
            try:
                values = yaml.safe_load(source.read_text(encoding="utf-8"))
            except (yaml.YAMLError, UnicodeDecodeError) as error:
                raise UserError(f"{source} is not readable as YAML; name the data set by --data") from error
            if isinstance(values, dict) and isinstance(values.get("data"), dict):
                kind: type[ReIDConfig | Config] = ReIDConfig if "head" in values else Config
                config = parse_settings(kind, {"data": values["data"]}, str(source))
                return open_dataset(config.data, Distributed.start("cpu"))
    raise UserError(f"{weights}: no configuration beside it tells which data it was trained on; name them by --data")
