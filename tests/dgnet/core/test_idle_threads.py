import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dgnet.core.idle_threads import SPIN_COUNT, limit_spinning

LOADING_TORCH = {"dgnet", "eval", "reid_heads", "visual", "tools", "torch", "torchvision"}
ROOT = Path(__file__).resolve().parents[3]
# Prints the processor time of 100 small parallel loops with a pause of 5 ms after each, in which threads may spin,
# beside a process that needs one of the two cores for itself.
SMALL_LOOPS = """
import os, subprocess, sys, time
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
import dgnet
import torch
torch.set_num_threads(2)
image, weight = torch.randn(4, 16, 24, 24), torch.randn(16, 16, 3, 3)
def loop(): return torch.nn.functional.conv2d(image, weight, padding=1).relu_()
loop()
with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
    try:
        began = time.process_time()
        for _ in range(100):
            loop()
            time.sleep(0.005)
        print(time.process_time() - began)
    finally:
        busy.kill()
"""


def environment(**variables: str) -> dict[str, str]:
    """That of a user who has set nothing but these."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "GOMP_", "KMP_"))}
    return kept | variables


def output(program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], env=environment(**variables), capture_output=True, text=True, check=True
    )


@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"])
def test_what_the_user_has_set_stays(name: str) -> None:
    variables = {name: "1"}
    limit_spinning(variables)
    assert variables == {name: "1"}


@pytest.mark.parametrize("path", [*ROOT.glob("tools/*.py"), *ROOT.glob("visual/show*.py")], ids=lambda path: path.name)
def test_each_tool_imports_dgnet_first(path: Path) -> None:
    imports = [line.split()[1] for line in path.read_text().splitlines() if re.match("(from|import) ", line)]
    loading_torch = [name for name in imports if name.partition(".")[0] in LOADING_TORCH]
    assert not loading_torch or loading_torch[0].startswith("dgnet.")


@pytest.mark.slow
def test_openmp_reads_it() -> None:
    shown = output("import dgnet\nimport torch", OMP_DISPLAY_ENV="verbose").stderr
    if "GOMP_SPINCOUNT" not in shown:
        pytest.skip("torch does not use GNU OpenMP here")
    assert f"GOMP_SPINCOUNT = '{SPIN_COUNT}'" in shown


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity") or (os.cpu_count() or 1) < 2, reason="needs two cores")
def test_beside_a_busy_process_threads_sleep_instead_of_spinning() -> None:
    # Intel's variable keeps our setting away.
    ours, default = (float(output(SMALL_LOOPS, **variables).stdout) for variables in ({}, {"KMP_BLOCKTIME": "200"}))
    assert ours < default / 2
