"""The tools where Python lacks the modules of Unix, as on Windows: one process that cannot import them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.test_option_names import ROOT, TOOLS
from tests.visual.small_run import write_run

# An import of the project's own is refused; a library's is not, as it has other ways on such a system.
PROGRAM = """
import importlib, io, json, os, sys, warnings
from contextlib import redirect_stdout
from importlib.abc import MetaPathFinder

MISSING = {"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "readline", "syslog", "crypt", "nis", "spwd"}
sys.path.insert(0, os.getcwd())

class Refuse(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in MISSING:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

for name in MISSING:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Refuse())
warnings.filterwarnings("ignore", message="only soft file lock is available")
for missing in ("sched_getaffinity", "fork", "getuid", "geteuid", "sysconf", "killpg", "setsid", "mkfifo"):
    if hasattr(os, missing):
        delattr(os, missing)

from dgnet.core.errors import command

for name, *words in json.loads(sys.argv[1]):
    sys.argv = [name, *words]
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            command(importlib.import_module(name).main)
    except SystemExit as end:
        if end.code or not printed.getvalue():
            sys.exit(f"{name} {words}: status {end.code}")
print("all of them")
"""


def require_success(*commands: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(commands)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "all of them\n"), done.stderr[-3000:]


@pytest.mark.slow
def test_every_tool_says_what_it_does_and_those_that_measure_draw_generate_and_search_work(tmp_path: Path) -> None:
    weights = str(write_run(tmp_path) / "checkpoints" / "checkpoint_00000030.pt")
    run = ["--name", "small", "--output-path", str(tmp_path), "--device", "cpu"]
    people, images = str(tmp_path / "people"), str(tmp_path / "people" / "query")
    query = next(str(path) for path in sorted((tmp_path / "people" / "query").iterdir()))
    search = ["--query", query, "--gallery", images, "--output", str(tmp_path / "found.png")]
    require_success(
        *([tool, "--help"] for tool in TOOLS),
        ["tools.check_data", str(tmp_path / "people")],
        ["tools.evaluate_reid", *run, "--data", people, "--report", str(tmp_path / "report")],
        ["tools.search", "--model-path", weights, *search],
        ["tools.ssim", "--dir", images, "--against", images],
        ["visual.show_swap", *run, "--output", str(tmp_path / "swap.png")],
        ["tools.generate", *run, "--data", people, "--other-data", "--no-scores", "--output", str(tmp_path / "set")],
        ["tools.generate", "--verify", str(tmp_path / "set")],
    )
    for written in ("swap.png", "found.png", "report/report.html", "set/manifest.csv"):
        assert (tmp_path / written).is_file()
