"""The benchmarks `frechet`, `heads` and `threads` at tiny sizes."""

import json
import subprocess
from types import SimpleNamespace

import pytest

from tests.tools.evaluation_tool import answer
from tools import bench
from tools.benchmarks import threads


def test_two_frechet_distances_are_of_the_same_statistics(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("frechet", "--features", 12, "--images", 60, "--rounds", 2)
    status, printed, said = answer(bench, monkeypatch, capsys, *words)
    assert status == 0, said
    result = json.loads(printed)
    assert result["relative_difference"] < 1e-5 and len(result["times_as_fast"]["rounds"]) == 2


@pytest.mark.slow
def test_a_model_beside_a_plain_network(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    size = ("--head", "resnet18", "--height", 32, "--width", 32)
    words = ("heads", *size, "--batch-size", 8, "--iterations", 1, "--rounds", 1, "--device", "cpu")
    status, printed, said = answer(bench, monkeypatch, capsys, *words)
    assert status == 0, said
    result = json.loads(printed)
    for phase in ("training", "extraction"):
        ours, plain = (result[phase][f"{name}_images_per_second"] for name in ("head", "plain"))
        assert result[phase]["head_over_plain"]["median"] == pytest.approx(ours / plain, abs=2e-3)
    # Without gradients it is faster.
    assert result["extraction"]["plain_images_per_second"] > result["training"]["plain_images_per_second"]
    status, _, said = answer(bench, monkeypatch, capsys, "heads", "--batch-size", 10)
    assert status == 2 and "--batch-size" in said and "10" in said


def test_each_setting_reaches_its_process(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows are of processes with one setting alone; shares are of the default alone."""
    seen: list[dict[str, str]] = []
    busy: list[bool] = []
    rates = {"DG-Net": 2.0, "classifier": 8.0}

    def run(words, env, **_):
        seen.append({key: value for key, value in env.items() if key.startswith(("OMP_", "GOMP_", "KMP_"))})
        rate = rates[words[words.index("--one") + 1]] * (0.25 if busy else 1) * (0.5 if "OMP_WAIT_POLICY" in env else 1)
        return SimpleNamespace(returncode=0, stdout=json.dumps({"iterations_per_second": rate}) + "\n", stderr="")

    class Busy:
        def __init__(self, *_):
            busy.append(True)

        def kill(self):
            busy.clear()

        def wait(self):
            assert not busy

    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    monkeypatch.setattr(threads, "subprocess", SimpleNamespace(run=run, Popen=Busy))
    status, printed, said = answer(bench, monkeypatch, capsys, "threads", "--rounds", 1)
    assert status == 0 and not busy, said
    # What keeps `dgnet.core.idle_threads` from acting stands in place of no setting.
    alone = [variables or {"KMP_BLOCKTIME": "200"} for variables in threads.WAITING.values()]
    assert seen == 4 * alone
    rows = [line.strip("| ").split(" | ") for line in printed.splitlines() if line.startswith("|")]
    passive = [row[2:] for row in rows if row[1] == "OMP_WAIT_POLICY=PASSIVE"]
    assert passive == [["4.00", "1.00", "0.50", "0.25"], ["1.00", "0.25", "0.50", "0.25"]]


def test_a_process_that_fails_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    failed = subprocess.CompletedProcess([], 3, "", "no such loop")
    monkeypatch.setattr(threads, "subprocess", SimpleNamespace(run=lambda *_, **__: failed))
    status, _, said = answer(bench, monkeypatch, capsys, "threads")
    assert status == 2 and "status 3" in said and "no such loop" in said
