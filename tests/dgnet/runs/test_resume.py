"""Real processes that are killed, terminated, interrupted, and go on."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from dgnet.core.checkpoint import load_checkpoint
from dgnet.core.errors import command
from dgnet.runs.checkpoint import list_checkpoints
from dgnet.runs.scalars import read_scalars
from tests.dgnet.runs import toy_training
from tests.tools.gan_tool import leaves

pytestmark = [pytest.mark.slow, pytest.mark.large]

PROGRAM = Path(__file__).with_name("toy_training.py")
ITERATIONS = 30
MEASURED = ("speed/images_per_second", "memory/peak_gib", "loader/waited_s")


def begin(folder, *options):
    words = [sys.executable, PROGRAM, folder, str(ITERATIONS), *options]
    return subprocess.Popen(words, stderr=subprocess.PIPE, text=True)


def finish(process):
    _, said = process.communicate(timeout=300)
    return process.returncode, said


def run_here(folder, *options):
    """The program in this process, where it costs no start; its status."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [str(PROGRAM), str(folder), str(ITERATIONS), *options])
        with pytest.raises(SystemExit) as left:
            command(toy_training.main)
    return left.value.code


def wait_for(process, condition):
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)


def assert_same_end(folder, other):
    """The last states, scaler included, and the logged curves (but for the clock's and the memory's) are equal bit for
    bit.
    """
    ends = [list_checkpoints(place / "checkpoints")[-1] for place in (folder, other)]
    assert [end.name for end in ends] == [f"checkpoint_{ITERATIONS:08d}.pt"] * 2
    states = [dict(leaves(load_checkpoint(end))) for end in ends]
    assert list(states[0]) == list(states[1]) and "state.network.0.weight" in states[0]
    for name, value in states[0].items():
        same = torch.equal(value, states[1][name]) if isinstance(value, torch.Tensor) else value == states[1][name]
        assert same, name
    rows = [read_scalars(place / "scalars.csv") for place in (folder, other)]
    assert len(rows[0]) == ITERATIONS // 2 and "weight/regression" in rows[0][0][1]
    for (iteration, one), (other_iteration, two) in zip(*rows, strict=True):
        assert iteration == other_iteration
        assert {name: one[name] for name in one if name not in MEASURED} == {
            name: two[name] for name in two if name not in MEASURED
        }


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The folder of a run that nobody disturbs."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert run_here(folder) == 0
    return folder


def test_killed_at_any_moment_it_ends_as_if_nothing_had_happened(tmp_path, uninterrupted, capsys):
    folder = tmp_path / "run"
    process = begin(folder, "--seconds", "0.03")
    wait_for(process, lambda: len(list_checkpoints(folder / "checkpoints")) == 2)
    time.sleep(0.07)  # somewhere between two checkpoints
    process.kill()
    assert finish(process)[0] == -signal.SIGKILL
    at = int(re.findall(r"iteration (\d+):", (folder / "log.txt").read_text())[-1])
    assert 10 <= at < ITERATIONS
    (folder / "checkpoints/.checkpoint_00000013.pt.partial").write_bytes(b"a kill in the middle of a save leaves this")
    assert run_here(folder, "--resume") == 0
    assert "going on from checkpoint_000000" in capsys.readouterr().err
    assert len(os.listdir(folder / "checkpoints")) == 2
    assert_same_end(folder, uninterrupted)


def test_terminated_it_saves_and_its_own_words_take_it_on(tmp_path, uninterrupted):
    folder = tmp_path / "run"
    process = begin(folder, "--seconds", "0.05", "--checkpoint-every", "1000")
    wait_for(process, (folder / "scalars.csv").exists)
    process.terminate()
    status, said = finish(process)
    assert status == 143, said
    (saved,) = list_checkpoints(folder / "checkpoints")
    assert f"stopped by SIGTERM; the state is in {saved}; continue with:" in said
    go_on = said.rstrip().splitlines()[-1]
    done = subprocess.run(shlex.split(go_on), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert_same_end(folder, uninterrupted)


def test_interrupted_twice_it_ends_at_once(tmp_path):
    folder = tmp_path / "run"
    process = begin(folder, "--seconds", "20", "--slow-after", "2")
    wait_for(process, (folder / "scalars.csv").exists)
    process.send_signal(signal.SIGINT)
    said = next(line for line in process.stderr if line.startswith("SIGINT"))  # what the machine lacks may come before
    assert said == "SIGINT: saving after this iteration; Ctrl-C again ends at once, without saving\n"
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert finish(process)[0] == -signal.SIGINT and time.monotonic() - began < 5
    assert list_checkpoints(folder / "checkpoints") == []


def test_a_full_disk_is_one_sentence_and_status_2(tmp_path):
    folder = tmp_path / "run"
    limited = (
        f"ulimit -f 400; exec {shlex.join([sys.executable, str(PROGRAM), str(folder), '30', '--bytes', '9000000'])}"
    )
    done = subprocess.run(["bash", "-c", limited], capture_output=True, text=True, timeout=300, env=dict(os.environ))
    assert done.returncode == 2, done.stderr
    assert re.search(r"^error: the checkpoint .* could not be written: File too large", done.stderr, re.MULTILINE)
    assert "Traceback" not in done.stderr and os.listdir(folder / "checkpoints") == []
    assert "could not be written" in (folder / "log.txt").read_text()
