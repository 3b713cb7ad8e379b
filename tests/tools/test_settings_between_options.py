"""Settings of a configuration may stand before, between and after a tool's options."""

import sys

import pytest

from dgnet.core.errors import UserError
from tools import demo, import_official, train_gan, train_teacher


@pytest.mark.parametrize(
    ("tool", "before", "after"),
    [
        (train_gan, ["--config", "configs/demo.yaml"], ["--name", "x"]),
        (train_teacher, ["--config", "configs/demo.yaml"], ["--name", "x"]),
        (demo, ["--config", "configs/demo.yaml"], ["--name", "x"]),
        (import_official, ["--outputs", "tests/reference/released"], ["--name", "x"]),
    ],
)
def test_settings_between_options(tool, before, after, monkeypatch):
    """Both settings reach the tool: it is their content that is refused, not their place (which is a SystemExit)."""
    received = []

    def noted(*given):
        received.extend(word for part in given if isinstance(part, (list, tuple)) for word in part)
        raise UserError("that is all the test wants to know")

    monkeypatch.setattr(tool, "read_official" if tool is import_official else "load_config", noted)
    words = [*before, "data.height=64", *after, "data.width=48"]
    monkeypatch.setattr(sys, "argv", [f"{tool.__name__}.py", *words])
    with pytest.raises(UserError, match="all the test wants"):
        tool.main()
    assert received[:2] == ["data.height=64", "data.width=48"]
