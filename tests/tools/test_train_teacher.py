"""`tools/train_teacher.py` where nothing can be measured, where it is made longer, and what it refuses at once."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml

from dgnet.core.checkpoint import load_checkpoint
from dgnet.core.errors import command
from dgnet.models.model_file import read_model_file
from dgnet.runs.checkpoint import list_checkpoints
from tests.dgnet.data.photographs import write_people
from tests.dgnet.small_training import narrow_trunks
from tests.tools.gan_tool import CONFIG
from tools import train_teacher

pytestmark = pytest.mark.slow

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four people before one camera, and a configuration that reads them."""
    place = tmp_path_factory.mktemp("teacher")
    write_people(place / "photographs")
    data = CONFIG["data"] | {"layout": "auto", "root": str(place / "photographs")}
    (place / "tiny.yaml").write_text(yaml.safe_dump({"name": "tiny", **CONFIG, "data": data}))
    return place


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], place: Path) -> Call:
    """The tool in this process, with narrow networks: status, what it printed, what it said."""
    narrow_trunks(monkeypatch)

    def run(*words: object) -> tuple[int, str, str]:
        given = ["--config", place / "tiny.yaml", "--output-path", place, *words]
        monkeypatch.setattr(sys, "argv", ["train_teacher.py", *map(str, given)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            command(train_teacher.main)
        return int(left.value.code or 0), *capsys.readouterr()

    return run


def test_nothing_to_measure_is_no_error(call: Call, place: Path) -> None:
    status, printed, said = call("--name", "one_camera")
    assert status == 0 and re.fullmatch("accuracy not measured: .*\n", printed), said
    assert len(read_model_file(place / "outputs" / "one_camera" / "teacher.pth").identities) == 4


def test_a_finished_teacher_is_trained_longer(call: Call, place: Path) -> None:
    folder = place / "outputs" / "longer"
    assert call("--name", "longer")[0] == 0
    first = read_model_file(folder / "teacher.pth").network.state_dict()
    status, _, said = call("--name", "longer", "--resume", "teacher.epochs=3")
    assert status == 0 and "changed since the run began: teacher.epochs: 1 -> 3" in said
    assert re.search(r"6 iterations in all, 2 before\. The learning rate .*: from here on it is that of 6", said), said
    state = load_checkpoint(list_checkpoints(folder / "checkpoints")[-1])
    last = read_model_file(folder / "teacher.pth").network.state_dict()
    assert state["iteration"] == 6 and all(torch.equal(value, last[key]) for key, value in state["teacher"].items())
    assert any(not torch.equal(value, last[key]) for key, value in first.items())
    status, _, said = call("--name", "longer", "--resume", "teacher.epochs=2")
    assert status == 2 and "checkpoint_00000006.pt has 6 iterations behind it, and the training is to have 4" in said


def test_a_teacher_goes_on_without_the_file_that_it_began_with(call: Call, place: Path) -> None:
    assert call("--name", "first")[0] == 0
    (weights := place / "weights.pth").write_bytes((place / "outputs" / "first" / "teacher.pth").read_bytes())
    words = ("--name", "tuned", f"teacher.weights={weights}")
    status, _, said = call(*words)
    assert status == 0 and f"began with weights of {weights}: all" in said
    weights.unlink()
    status, _, said = call(*words, "--resume", "teacher.epochs=2")
    assert status == 0 and f"began with weights of {weights}" in said, said
