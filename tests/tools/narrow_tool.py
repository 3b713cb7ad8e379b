"""A tool with the narrow networks of the tests, as a program of its own: python -m tests.tools.narrow_tool ab ..."""

import importlib
import sys

import pytest

from dgnet.core.errors import command
from tests.dgnet.small_training import narrow_trunks

if __name__ == "__main__":
    tool = importlib.import_module(f"tools.{sys.argv.pop(1)}")
    with pytest.MonkeyPatch.context() as patch:
        narrow_trunks(patch)
        command(tool.main)
