"""A small A/B for the tests of `tools/ab.py`: a trained generator, three people whom two cameras saw, and `ab.yaml`."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from dgnet.core.errors import command
from tests.dgnet.generation.small_run import write_run
from tests.dgnet.small_generator import IDENTITIES
from tools import ab

VARIANTS: dict[str, dict[str, Any]] = {
    "real": {"meaning": "real images alone"},
    "generated": {"meaning": "generated ones, too", "generated": True},
    "filtered": {
        "meaning": "the most diverse",
        "generated": True,
        "against": ["generated", "real"],
        "settings": {"generated.filters": [{"score": "diversity", "best": 0.5}]},
    },
    "distilled": {
        "meaning": "self-distillation",
        "settings": {"model.name": "resnet18_kd", "distillation.stage_features": 0.03},
    },
}


def write_place(place: Path) -> Path:
    """Everything into the folder `place`."""
    write_run(place)
    draws = np.random.default_rng(1)
    for number in range(18):  # noise: whom a head finds in it depends on all that it learned
        noise = draws.integers(0, 256, (8, 6, 3), np.uint8).repeat(8, 0).repeat(8, 1)
        name = f"{IDENTITIES[number % 3]:04d}_c2s1_{number:06d}_00.png"
        Image.fromarray(noise).save(place / "people" / "bounding_box_test" / name)
    other_light = place / "other_light"
    shutil.copytree(place / "people", other_light)
    for file in other_light.rglob("*.png"):
        Image.open(file).point(lambda value: value // 2).save(file)
    data = {"layout": "market1501", "root": str(place / "people"), "height": 64, "width": 48, "pad": 3}
    head = {
        "data": data | {"identities": 2, "images_per_identity": 2, "epoch_mode": "identities"},
        "model": {"name": "resnet18", "options": {"last_stride": 2}},
        "schedule": {"epochs": 2, "warmup_epochs": 1},
        "run": {"device": "cpu", "checkpoint_every": 2},
    }
    values = {
        "name": "whole",
        "seeds": 2,
        "generator": str(place / "outputs" / "small"),
        "per_identity": 4,
        "subset": {"images": 2},
        "target_domain": {"root": str(other_light), "layout": "market1501"},
        "training": head,
        "variants": VARIANTS,
    }
    (place / "ab.yaml").write_text(yaml.safe_dump(values))
    return place


def arguments(place: Path, *options: object) -> list[str]:
    config = [] if "--config" in options else ["--config", str(place / "ab.yaml")]
    return [*config, "--output-path", str(place), *map(str, options)]


def run(place: Path, *options: object) -> int:
    """The tool in this process; its exit status."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["tools/ab.py", *arguments(place, *options)])
        with pytest.raises(SystemExit) as left:
            command(ab.main)
    return int(left.value.code or 0)


def figures(folder: Path) -> dict[str, Any]:
    return {path.name: json.loads(path.read_text())["figures"] for path in sorted((folder / "results").iterdir())}
