"""What `tests/costs.py` counts."""

import mmap
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.costs import cpu_seconds, memory_mb, proportional_mb


def test_memory_is_that_of_arrays_and_not_of_mapped_files(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(100 << 20))
    before = memory_mb(os.getpid())
    mapped = np.memmap(tmp_path / "file", mode="r")
    assert mapped.sum() == 0
    assert memory_mb(os.getpid()) - before < 30
    # A heap that earlier tests left would hold an array of NumPy's without growing; a map of its own never does.
    with mmap.mmap(-1, 100 << 20) as block:
        block.write(b"x" * (100 << 20))
        assert 70 < memory_mb(os.getpid()) - before < 240


def test_programs_that_a_test_starts_count() -> None:
    before, seconds = memory_mb(os.getpid()), cpu_seconds()
    code = "block = bytearray(b'x') * (100 << 20); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as program:
        assert program.stdin and program.stdout
        program.stdout.readline()
        assert memory_mb(os.getpid()) - before > 90
        program.communicate(b"\n")
    assert cpu_seconds() > seconds
    assert memory_mb(program.pid) == 0


def test_what_two_processes_share_counts_once() -> None:
    """A process that is forked shares all pages that neither writes to."""
    with mmap.mmap(-1, 100 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as block:
        block.write(b"x" * (100 << 20))
        alone, both = proportional_mb(os.getpid()), memory_mb(os.getpid())
        ends = os.pipe()
        child = os.fork()
        if child == 0:
            os.read(ends[0], 1)
            os._exit(0)
        try:
            assert proportional_mb(os.getpid()) < alone + 50
            assert memory_mb(os.getpid()) > both + 90
        finally:
            os.write(ends[1], b"x")
            os.waitpid(child, 0)
            for end in ends:
                os.close(end)
        assert proportional_mb(child) == 0


@pytest.mark.slow
def test_a_session_ends_with_the_costs(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text("def test_one():\n    pass\n")
    command = [sys.executable, "-m", "pytest", "-p", "tests.costs", "-q", "-n0", "-c", os.devnull, "--rootdir"]
    ended = subprocess.run([*command, tmp_path, tmp_path], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout
    assert "MB  test_one.py::test_one" in ended.stdout
    peak = re.search(r"s of tests; all processes together ([\d,]+) MB at most", ended.stdout)
    assert peak and 5 < int(peak[1].replace(",", "")) < 10_000
