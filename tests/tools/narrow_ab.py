"""`tools/ab.py` with the narrow networks of the tests, as a program of its own: python -m tests.tools.narrow_ab ..."""

import pytest

from dgnet.core.errors import command
from tests.dgnet.small_training import narrow_trunks
from tools import ab

if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch:
        narrow_trunks(patch)
        command(ab.main)
