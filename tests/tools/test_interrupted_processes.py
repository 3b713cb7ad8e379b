"""Trainings and sets by two processes, terminated or interrupted: both stop together, and their own words go on."""

import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from dgnet.core.checkpoint import load_checkpoint
from dgnet.generation.verify import verify
from dgnet.runs.checkpoint import list_checkpoints
from tests.tools.gan_tool import NARROW, ROOT, begin, finish, leaves, write_config

pytestmark = [pytest.mark.slow, pytest.mark.large, pytest.mark.timeout(400)]
LAUNCHER = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
WORDS = ("schedule.iterations=24", "run.checkpoint_every=4", "teacher.epochs=20", "run.image_every=100")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with outputs/whole, which nothing interrupted."""
    place = tmp_path_factory.mktemp("two")
    write_config(place)
    status, said = finish(begin(place, *WORDS, "--name", "whole", words=(*LAUNCHER, *NARROW)))
    assert status == 0, said
    return place


def interrupted(process: subprocess.Popen[str], begun: Callable[[], object], number: signal.Signals) -> str:
    """What two processes said that got a signal, by torchrun, once they had `begun`: torchrun ends with status 1."""
    deadline = time.monotonic() + 300
    while not begun():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    status, said = finish(process)
    assert status == 1, said
    return said


def go_on(said: str) -> str:
    """By the command that was printed."""
    (line,) = (line for line in said.splitlines() if line.startswith("torchrun --nproc-per-node 2 "))
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", *shlex.split(line)[1:]]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize(("phase", "number"), [("", signal.SIGTERM), ("_teacher", signal.SIGINT)])
def test_a_training_ends_as_if_nothing_had_happened(whole: Path, phase: str, number: signal.Signals) -> None:
    name = f"stopped{len(phase)}"
    checkpoints = whole / "outputs" / (name + phase) / "checkpoints"
    process = begin(whole, *WORDS, "--name", name, words=(*LAUNCHER, *NARROW))
    said = interrupted(process, lambda: list_checkpoints(checkpoints), number)
    assert said.count(f"{number.name}: saving after this iteration") == 2
    saved = list_checkpoints(checkpoints)[-1]
    assert said.count(f"stopped by {number.name}; the state is in {saved}; continue with:") == 1
    assert f"going on from {saved.name}" in go_on(said)
    ends = [
        dict(leaves(load_checkpoint(list_checkpoints(whole / "outputs" / run / "checkpoints")[-1])))
        for run in ("whole", name)
    ]
    assert ends[0].keys() == ends[1].keys()
    for key, value in ends[0].items():
        equal = torch.equal(value, ends[1][key]) if isinstance(value, torch.Tensor) else value == ends[1][key]
        assert equal or key == "state.config.name", key


def test_a_set_is_whole_after_it_goes_on(whole: Path, tmp_path: Path) -> None:
    options = (
        "--name",
        "whole",
        "--output-path",
        whole,
        "--device",
        "cpu",
        "--count",
        132,
        "--no-scores",
        "--batch-size",
        1,
    )
    words = [sys.executable, *LAUNCHER, *NARROW[:2], "generate", *map(str, options), "--output", str(tmp_path / "set")]
    pipes = {"cwd": ROOT, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    interrupted(subprocess.Popen(words, **pipes), lambda: list(tmp_path.rglob("*.png")), signal.SIGTERM)
    assert 0 < len(list(tmp_path.rglob("*.png"))) < 132
    status, said = finish(subprocess.Popen([*words, "--resume"], **pipes))
    assert status == 0, said
    assert (verify(tmp_path / "set").images, verify(tmp_path / "set").problems) == (132, ())
