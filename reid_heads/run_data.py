"""The data set that a trained network was trained on."""

import logging
from pathlib import Path

from dgnet.config import Config
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.core.settings import parse_settings
from dgnet.core.yaml_files import read_yaml
from dgnet.data.copies import copies_in
from dgnet.data.records import Dataset
from dgnet.data.training_data import open_dataset, require_data_of_run
from dgnet.runs.folder import CONFIG
from reid_heads.config import ReIDConfig

_log = logging.getLogger(__name__)


def dataset_of_run(weights: Path) -> Dataset:
    """The data set that the configuration beside these weights names. `UserError` where there is none.

    A relative `data.root` is looked for in the current folder.
    """
    for folder in (weights.parent, weights.parent.parent):
        if (folder / CONFIG).is_file():
            source = folder / CONFIG
            values = read_yaml(source, "name the data set by --data")
            if isinstance(values, dict) and isinstance(values.get("data"), dict):
                kind: type[ReIDConfig | Config] = ReIDConfig if values.keys() & {"head", "model"} else Config
                config = parse_settings(kind, {"data": values["data"]}, str(source))
                require_data_of_run(config.data)
                return open_dataset(config.data, Distributed.start("cpu"))
    raise UserError(f"{weights}: no configuration beside it tells which data it was trained on; name them by --data")


def warn_of_training_images(weights: Path, dataset: Dataset) -> None:
    """A warning where test images are images that the network was trained on, or copies of them, as far as its run
    tells.
    """
    try:
        trained_on = dataset_of_run(weights).train
    except UserError:
        return  # no run beside the weights, or its data set is elsewhere
    # Of data without a split each image is in both.
    tested = list({record.path: record for record in (*dataset.query, *dataset.gallery)}.values())
    groups = copies_in((*trained_on, *tested))
    known = [group for group in groups if any(record.split == "train" for record in group)]
    if count := sum(record.split != "train" for group in known for record in group):
        _log.warning(
            "warning: %d of %d test images are images that %s was trained on: the figures say nothing about other "
            "people",
            count,
            len(tested),
            weights,
        )
