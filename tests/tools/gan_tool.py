"""`tools/train_gan.py` on a handful of built-in pedestrians, as a program of its own or in this process."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from dgnet.core.errors import command
from tools import train_gan

ROOT = Path(__file__).resolve().parents[2]
# The tool with the narrow networks of the tests, as those that run it in this process have them.
NARROW = ("-m", "tests.tools.narrow_tool", "train_gan")
ITERATIONS = 8
CONFIG: dict[str, dict[str, Any]] = {
    "data": {"layout": "synthetic", "height": 64, "width": 48, "pad": 3},
    "appearance": {"backbone": "resnet18", "last_stride": 2, "upsample_below_height": 0},
    "structure": {"channels": 2, "residual_blocks": 1},
    "decoder": {"style_hidden": 8},
    "discriminator": {"channels": 2, "residual_blocks": 1},
    "teacher": {
        "backbone": "resnet18",
        "upsample_below_height": 0,
        "epochs": 1,
        "batch_size": 8,
        "learning_rate": 0.01,
    },
    "loss": {"code_ramp_begin": 2, "teacher_ramp_begin": 3, "ramp_rate": 0.5},
    "schedule": {"iterations": ITERATIONS, "step_size": 5},
    "run": {"batch_size": 2, "device": "cpu", "log_every": 1, "image_every": 4, "checkpoint_every": 2},
}


def begin(place: Path, *options: object, words: Sequence[str] = ("tools/train_gan.py",)) -> subprocess.Popen[str]:
    arguments = ["--config", place / "tiny.yaml", "--output-path", place, *options]
    return subprocess.Popen(
        [sys.executable, *words, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, said = process.communicate(timeout=300)
    return process.returncode, said


def write_config(place: Path) -> None:
    """`tiny.yaml` in `place`, where its pedestrians will be, too."""
    people = {"train_identities": 3, "test_identities": 2, "images_per_identity": 4}
    data = CONFIG["data"] | {"root": str(place / "people"), "synthetic": people}
    (place / "tiny.yaml").write_text(yaml.safe_dump({"name": "whole", **CONFIG, "data": data}))


def run_here(place: Path, *options: object, config: Path | None = None) -> int:
    """The tool in this process, where it costs no start; its status."""
    output = [] if "--output-path" in options else ["--output-path", place]
    arguments = ["--config", config or place / "tiny.yaml", *output, *options]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["train_gan.py", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            command(train_gan.main)
    return int(left.value.code or 0)


class Here:
    """`run_here`: its status, what it printed and what it complained of."""

    def __init__(self, capture: pytest.CaptureFixture[str], place: Path) -> None:
        self.capture, self.place = capture, place

    def __call__(self, *options: object, config: Path | None = None) -> tuple[int, str, str]:
        self.capture.readouterr()
        status = run_here(self.place, *options, config=config)
        printed, said = self.capture.readouterr()
        return status, printed, said


def leaves(value: Any, name: str = "state") -> Iterator[tuple[str, Any]]:
    """Every entry of a checkpoint by its place in it."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{name}.{key}")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            yield from leaves(item, f"{name}.{index}")
    else:
        yield name, value
