import os
import subprocess
import sys

import pytest

from dgnet.core.idle_threads import SPIN_COUNT, limit_spinning

# Small convolutions on two threads of two cores, for a second: loops between which threads wait.
SMALL_LOOP = """
import os, time
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
import dgnet
import torch
torch.set_num_threads(2)
image, weight = torch.randn(4, 16, 24, 24), torch.randn(16, 16, 3, 3)
began, count = time.perf_counter(), 0
while time.perf_counter() - began < 1:
    torch.nn.functional.conv2d(image, weight, padding=1).relu_()
    count += 1
print(count)
"""
BUSY = "import os; os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])\nwhile True: pass"


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


@pytest.mark.slow
@pytest.mark.parametrize("package", ["dgnet", "eval", "reid_heads", "visual"])
def test_each_package_sets_it_before_torch_reads_it(package: str) -> None:
    shown = output(f"import {package}\nimport torch", OMP_DISPLAY_ENV="verbose").stderr
    if "GOMP_SPINCOUNT" not in shown:
        pytest.skip("torch does not use GNU OpenMP here")
    assert f"GOMP_SPINCOUNT = '{SPIN_COUNT}'" in shown


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "sched_setaffinity") or (os.cpu_count() or 1) < 2, reason="needs two cores")
def test_a_busy_process_slows_small_loops_less() -> None:
    with subprocess.Popen([sys.executable, "-c", BUSY]) as busy:
        try:
            # In turn, so that what else runs here meets both. Intel's variable keeps our setting away.
            rounds = [
                (int(output(SMALL_LOOP).stdout), int(output(SMALL_LOOP, KMP_BLOCKTIME="200").stdout)) for _ in range(2)
            ]
        finally:
            busy.kill()
    ours, default = (max(values) for values in zip(*rounds, strict=True))
    assert ours > 1.5 * default, rounds
