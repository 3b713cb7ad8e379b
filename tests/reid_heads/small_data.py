"""A few built-in pedestrians, generated images of them, and the settings of a head small enough to train at once."""

import csv
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from dgnet.core.settings import as_settings, override_settings
from dgnet.data.datasets import read_dataset
from dgnet.data.pedestrians import SyntheticSpec, write_dataset
from dgnet.data.records import Dataset
from reid_heads.config import ReIDConfig

HEIGHT, WIDTH = 64, 48
SMALL: dict[str, Any] = {
    "data.height": HEIGHT,
    "data.width": WIDTH,
    "data.pad": 3,
    "data.identities": 3,
    "data.images_per_identity": 2,
    "model.name": "resnet18",
    "schedule.epochs": 2,
    "schedule.warmup_epochs": 1,
    "run.log_every": 1,
    "run.device": "cpu",
}


def small_config(**changes: Any) -> ReIDConfig:
    """The small settings; `data__pad=4` changes `data.pad`."""
    named = {key.replace("__", "."): value for key, value in changes.items()}
    return override_settings(ReIDConfig(), as_settings(SMALL | named))


def pedestrians(place: Path) -> Dataset:
    """Six identities with four images each to train on, three to test."""
    spec = SyntheticSpec(
        train_identities=6, test_identities=3, images_per_identity=4, height=HEIGHT, width=32, distractors=2, junk=2
    )
    write_dataset(place, spec)
    return read_dataset(place, "market1501")


def generated_folder(place: Path, dataset: Dataset) -> Path:
    """Mirrored training images that pose as generated: each with its own identity and the next one's."""
    (place / "images").mkdir(parents=True, exist_ok=True)
    people = dataset.identities
    with (place / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "appearance_identity", "structure_identity"])
        for record in dataset.train:
            after = people[(people.index(record.identity) + 1) % len(people)]
            with Image.open(record.path) as image:
                ImageOps.mirror(image).save(place / "images" / record.path.name)
            writer.writerow([f"images/{record.path.name}", record.identity, after])
    return place
