"""Every shipped configuration of a head says what it reproduces, names what exists, and trains for two iterations."""

import re
from itertools import takewhile
from pathlib import Path

import pytest

from dgnet.core.checkpoint import load_checkpoint
from dgnet.core.distributed import Distributed
from dgnet.core.settings import as_settings, load_settings
from dgnet.data.records import Dataset
from reid_heads.config import ReIDConfig
from reid_heads.training.trainer import train_model
from tests.dgnet.small_training import narrow_trunks
from tests.reid_heads.small_data import HEIGHT, WIDTH

ROOT = Path(__file__).parents[2]
RECIPES = sorted((ROOT / "configs" / "heads").glob("*.yaml"))
SMALLER = {
    "data.height": HEIGHT,
    "data.width": WIDTH,
    "data.pad": 3,
    "data.identities": 3,
    "data.images_per_identity": 4,  # of which each identity has just as many: two batches an epoch
    "schedule.epochs": 1,
}
SMALLER_HEADS = {"resnet18": "resnet18", "resnet50": "resnet18", "resnet50_kd": "resnet18_kd", "mgn": "mgn"}


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resnet18 of an eighth of the width: training does not see it."""
    narrow_trunks(monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_head_recipe_trains(path: Path, dataset: Dataset, tmp_path: Path) -> None:
    smaller = SMALLER | {"model.name": SMALLER_HEADS[load_settings(ReIDConfig, path).model.name]}
    if path.stem == "mgn":
        smaller |= {"model.options.trunk": "resnet18", "model.options.features": 16}
    config = load_settings(ReIDConfig, path, as_settings(smaller))
    trained = train_model(
        config, dataset, None, tmp_path / "run", curves=tmp_path / "logs", distributed=Distributed.start("cpu")
    )
    state = load_checkpoint(tmp_path / "run" / "checkpoints" / "checkpoint_00000002.pt")
    assert state["learning"].keys() == {f"head.{key}" for key in trained.model.state_dict()}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_head_of_head_recipe(path: Path) -> None:
    head = " ".join(takewhile(lambda line: line.startswith("#"), path.read_text().splitlines()))
    assert load_settings(ReIDConfig, path).name == path.stem
    assert f"configs/heads/{path.name}" in head, "the command is missing"
    for word in ("reproduces", "cost", "expected"):
        assert re.search(rf"{word}\b", head, re.IGNORECASE), f"the {word} is missing"
    for named in re.findall(r"(?:tools|configs)/[\w/]+\.(?:py|yaml)", head):
        assert (ROOT / named).is_file(), f"{named} is not there"


def test_there_are_head_recipes() -> None:
    assert {path.stem for path in RECIPES} >= {"bnneck", "self_distillation", "mgn"}
