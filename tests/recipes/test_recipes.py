"""Every shipped configuration says what it reproduces, names what exists, and trains for two iterations."""

import json
import re
from itertools import takewhile
from pathlib import Path

import pytest
import yaml

from dgnet.config import load_config
from dgnet.core.checkpoint import load_checkpoint
from dgnet.core.distributed import Distributed
from dgnet.data.training_data import open_dataset
from dgnet.training.job import Job
from dgnet.training.pipeline import train_job
from tests.dgnet.small_training import SMALL, narrow_trunks

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
# Those of an A/B, ab_*.yaml, are tested with its tool.
RECIPES = sorted(path for path in (ROOT / "configs").glob("*.yaml") if not path.stem.startswith("ab_"))
# The networks of the tests in place of the recipe's, on pedestrians in place of its data.
SMALLER = {
    **SMALL,
    "data.layout": "synthetic",
    "data.synthetic.train_identities": 3,
    "data.synthetic.test_identities": 2,
    "data.synthetic.images_per_identity": 2,
    "teacher.epochs": 1,
    "teacher.batch_size": 8,
    "schedule.iterations": 2,
    "run.batch_size": 2,
    "appearance.weights": None,
    "teacher.weights": None,
    "run.compile": False,
}


def test_there_are_recipes() -> None:
    assert {"latest", "msmt17", "cuhk03_np"} <= {path.stem for path in RECIPES}


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipe(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_trunks(monkeypatch)
    smaller = {**SMALLER, "data.root": str(tmp_path / "pedestrians")}
    config = load_config(path, [f"{key}={json.dumps(value)}" for key, value in smaller.items()])
    distributed = Distributed.start("cpu")
    dataset = open_dataset(config.data, distributed)
    drawn: list[Path] = []
    train_job(Job(config, tmp_path, distributed), dataset, lambda _, file: drawn.append(file))
    folder = tmp_path / "outputs" / config.name
    state = load_checkpoint(folder / "checkpoints" / "checkpoint_00000002.pt")
    assert state["iteration"] == 2 and drawn


@pytest.mark.parametrize("name", ["demo", "ab_demo"])
def test_what_runs_anywhere_emulates_no_precision(name: str) -> None:
    """On a CPU without bf16 arithmetic an iteration takes half a minute where it is asked for all the same."""
    config = yaml.safe_load((ROOT / "configs" / f"{name}.yaml").read_text())
    assert config.get("training", config)["run"]["precision"] == "auto"


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_head_of_recipe(path: Path) -> None:
    head = " ".join(takewhile(lambda line: line.startswith("#"), path.read_text().splitlines()))
    assert load_config(path).name == path.stem
    assert f"configs/{path.name}" in head or f"make {path.stem}" in head, "the command is missing"
    for word in ("cost", "expected"):
        assert re.search(rf"{word}\b", head, re.IGNORECASE), f"the {word} is missing"
    for named in re.findall(r"(?:tools|configs)/\w+\.\w+", head):
        assert (ROOT / named).is_file(), f"{named} is not there"
