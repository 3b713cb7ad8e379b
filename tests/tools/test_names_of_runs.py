"""The name of a new run is that of a folder of its own below outputs/: no tool trains elsewhere."""

from pathlib import Path

import pytest

from tests.tools.evaluation_tool import answer
from tools import demo, measure_swaps, train, train_gan, train_teacher

CONFIGS = Path(__file__).parents[2] / "configs"
TOOLS = {
    demo: ("--name",),
    train_gan: ("--config", CONFIGS / "demo.yaml", "--name"),
    train_teacher: ("--config", CONFIGS / "demo.yaml", "--name"),
    train: ("--config", CONFIGS / "heads" / "bnneck.yaml", "--name"),
    measure_swaps: ("--name", "demo", "--witness"),
}


@pytest.mark.parametrize("name", ["", "..", "../elsewhere", "a/b"])
@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.__name__)
def test_a_name_is_a_plain_one(tool, name, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    status, _, said = answer(tool, monkeypatch, capsys, *TOOLS[tool], name)
    assert status == 2 and f"must be a plain folder name, got '{name}'" in said
    assert not list(tmp_path.iterdir())
