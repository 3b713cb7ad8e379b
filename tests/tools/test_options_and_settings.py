"""An option and a setting that contradict each other: one sentence. What is only an option's default gives way."""

import sys
from types import ModuleType

import pytest

from dgnet.core.errors import UserError
from tests.messages import mentions
from tools import test as test_tool
from tools import train, train_gan, train_mgn


@pytest.mark.parametrize(
    ("tool", "words", "named"),
    [
        (train, ["--epochs", "3", "schedule.epochs=4"], ["schedule.epochs", "3", "4"]),
        (train, ["name=b", "--name", "a"], ["name", '"a"', "b"]),
        (train, ["--batch-size", "16", "data.identities=5"], ["data.identities", "4", "5"]),
        (train, ["--kd", "model.name=resnet18"], ["model.name", "resnet18_kd", "model.name=resnet18"]),
        (train, ["--model-name", "resnet18", "head.name=mgn"], ["model.name", "resnet18", "mgn"]),
        (train_mgn, ["--cpu", "run.device=cuda"], ["run.device", "cpu", "cuda"]),
        (train_mgn, ["--random-erasing", "data.erasing=0.7"], ["data.erasing", "0.5", "0.7"]),
        (train_gan, ["--config", "configs/demo.yaml", "--name", "a", "name=b"], ["name", '"a"', "b"]),
        (test_tool, ["--model-path", "x.pth", "--data", "a", "data.root=b"], ["data.root", '"a"', "b"]),
    ],
)
def test_the_last_one_does_not_count_without_a_word(
    tool: ModuleType, words: list[str], named: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [f"{tool.__name__}.py", *words])
    with pytest.raises(UserError, match=mentions(*named)):
        tool.main()


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        (train, ["--epochs", "4", "schedule.epochs=4"]),
        (train, ["--model-name", "resnet18", "name=b"]),
        (train, ["--kd", "model.name=resnet18_kd"]),
        (train_mgn, ["data.erasing=0.7", "optimizer.amsgrad=true", "test.re_rank=true", "name=b"]),
    ],
)
def test_a_default_gives_way(tool: ModuleType, words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The data set is what is refused."""
    monkeypatch.setattr(sys, "argv", [f"{tool.__name__}.py", *words, "--data", "/nowhere", "--dry-run"])
    with pytest.raises(UserError, match=mentions("/nowhere")):
        tool.main()
