"""The joint step by two processes with half the batch each, on CPUs over gloo, and on two GPUs over NCCL.

What is equal to one process with the whole batch: everything (terms, gradients, weights of all networks, both
optimizers' moments through a second iteration), wherever no number depends on who else is in the batch. Of the networks
only the appearance encoder and the structure encoder of part colors have batch statistics, so the generator is held in
evaluation mode and frozen passes use running statistics. Nothing else in it has a mode.

With batch statistics the two differ, as each process normalizes by its own half; all processes still hold the same
weights and running statistics, bit for bit, as the checkpoint of rank 0 is that of all.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from dgnet.core.distributed import Distributed
from tests.dgnet.small_training import apart, narrow_trunks
from tests.dgnet.training.two_rank_step import CASES, moved, training

# Two whole programs: a busy machine takes its time.
pytestmark = [pytest.mark.slow, pytest.mark.large, pytest.mark.timeout(400)]
PROGRAM = Path(__file__).with_name("two_rank_step.py")


@pytest.fixture(scope="module", params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "cuda" and torch.cuda.device_count() < 2:
        pytest.skip("two processes on CUDA need two GPUs")
    folder = tmp_path_factory.mktemp("two_ranks")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*launcher, str(PROGRAM), str(folder), request.param]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            _, said = process.communicate(timeout=300)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, said
    return folder


def one_process(case: str) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        narrow_trunks(patch)
        alone = Distributed.start("cpu")
        return moved(training(case, alone), alone)


@pytest.mark.parametrize("case", ["alone", "parts"])
def test_without_batch_statistics_two_halves_are_the_whole(folder: Path, case: str) -> None:
    two, one = torch.load(folder / f"{case}.pt", weights_only=True), one_process(case)
    assert two["terms"].keys() == one["terms"].keys() and "soft_label a" in one["terms"]
    for name, value in one["terms"].items():
        assert two["terms"][name] == pytest.approx(value, rel=1e-9), name
    for network in ("generator", "discriminator"):
        assert apart(two["gradients"][network], one["gradients"][network]) < 1e-9
        assert apart(two["states"][network], one["states"][network]) < 1e-9


def test_with_batch_statistics_they_are_not_and_the_comparison_sees_it(folder: Path) -> None:
    two, one = torch.load(folder / "together.pt", weights_only=True), one_process("together")
    for network in ("generator", "discriminator"):
        assert apart(two["gradients"][network], one["gradients"][network]) > 1e-6


def test_all_processes_hold_the_same_weights(folder: Path) -> None:
    for rank in (0, 1):
        assert json.loads((folder / f"rank_{rank}.json").read_text()) == {
            f"{case}: {what}": True for case in CASES for what in ("parameters", "statistics")
        }
