"""`tools/bench.py step` from its command line, on the smallest networks."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.evaluation_tool import answer
from tools import bench

ROOT = Path(__file__).parents[2]
SMALL = (
    "data.height=64",
    "data.width=48",
    "appearance.backbone=resnet18",
    "teacher.backbone=resnet18",
    "structure.channels=2",
    "decoder.style_hidden=8",
    "discriminator.channels=4",
    "run.compile=false",
)


@pytest.mark.slow
@pytest.mark.large
@pytest.mark.timeout(900)
@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_every_figure_of_a_device(device: str) -> None:
    words = ["step", "--device", device, "--against-naive", "--batch-size", "2", "--identities", "4"]
    command = [sys.executable, str(ROOT / "tools" / "bench.py"), *words, "--iterations", "1", "--rounds", "1", *SMALL]
    done = subprocess.run(command, capture_output=True, text=True, timeout=880, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["precision"] == "fp32" and figures["batch"] == 2
    ours, naive = figures["ours"], figures["naive"]
    for kind in (ours, naive):
        seconds = kind["seconds_per_iteration"]["median"]
        assert kind["images_per_second"] == pytest.approx(4 / seconds, rel=0.05)
        assert kind["hours_for_the_schedule"] == pytest.approx(seconds * 100_000 / 3600, abs=0.1, rel=0.05)
        assert kind["peak_memory_gib"] > 0
    for rate in ("convolution", "matrix"):
        # The rates are rounded to a tenth of a GFLOP/s, the shares to a thousandth.
        done_per_second = ours["gigaflop_per_iteration"] / ours["seconds_per_iteration"]["median"]
        share = done_per_second / ours[f"{rate}_gigaflop_per_second"]
        assert ours[f"share_of_{rate}_rate"] == pytest.approx(share, rel=0.1, abs=1e-3)
    assert 1_000 < ours["torch_operations_per_iteration"] < 20_000
    assert figures["ours_over_naive"]["images_per_second"]["median"] > 0


def test_the_naive_step_has_no_part_colors(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, said = answer(bench, monkeypatch, capsys, "step", "--against-naive", "decoder.kind=parts")
    assert status == 2 and "decoder.kind=adaptive" in said, said
