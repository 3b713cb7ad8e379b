"""An evaluating tool in this process, where it costs no start."""

import sys
from typing import Any

import pytest

from dgnet.core.errors import command


def answer(
    tool: Any, patch: pytest.MonkeyPatch, capture: pytest.CaptureFixture[str], *options: object
) -> tuple[int, str, str]:
    """The tool's status, what it printed and what it complained of."""
    patch.setattr(sys, "argv", [tool.__file__, *map(str, options)])
    capture.readouterr()
    with pytest.raises(SystemExit) as left:
        command(tool.main)
    printed, said = capture.readouterr()
    return int(left.value.code or 0), printed, said
