"""`bench.py step --ablate`: the plain operation in a trick's place gives the same losses and gradients."""

import argparse
import copy
import math

import pytest
import torch

from dgnet.config import override_config
from dgnet.core.distributed import Distributed
from tests.dgnet.small_training import narrow_trunks
from tools.benchmarks import ablation, plain_operations, step
from tools.benchmarks.late_step import LateStep, late_config
from tools.benchmarks.plain_operations import TRICKS, Trick

pytestmark = pytest.mark.slow

LATEST = step.ROOT / "configs" / "latest.yaml"
SMALL = (
    *("data.height=64", "data.width=48", "appearance.backbone=resnet18", "appearance.upsample_below_height=0"),
    *("teacher.backbone=resnet18", "teacher.upsample_below_height=0", "structure.channels=2"),
    *("structure.residual_blocks=1", "decoder.style_hidden=8", "discriminator.channels=4", "discriminator.scales=1"),
    *("short_training.muon_rate=0.01", "run.compile=false", "run.device=cpu"),
)
# What is measured in processes of its own is the benchmark's alone; without a compiler there are no compiled functions.
REPLACED = [trick for trick in TRICKS if trick.plain is not None and trick.name not in ("compiled", "winograd")]


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow_trunks(monkeypatch)


def differences(precision: str) -> tuple[dict[str, float], float]:
    """Of each trick that the precision uses; and of the precision against float32."""
    config = late_config(LATEST, [*SMALL, f"run.precision={precision}"], batch=2)
    distributed = Distributed.start("cpu")
    late = LateStep.build(config, 5, distributed)
    start = copy.deepcopy(late.training.state_dict())
    expected = ablation.figures(late)
    found = {}
    for trick in REPLACED:
        if trick.used(config, precision, "cpu"):
            late.training.load_state_dict(start)
            with trick.plain(late.training):
                found[trick.name] = ablation.farthest(ablation.figures(late), expected)[0]
    float32 = LateStep.build(override_config(config, ["run.precision=fp32"]), 5, distributed)
    return found, ablation.farthest(expected, ablation.figures(float32))[0]


def test_float32_agrees() -> None:
    found, rebuilt = differences("fp32")
    assert list(found) == [trick.name for trick in REPLACED if trick.name != "padding"]
    assert rebuilt == 0
    assert max(found.values()) < ablation.BOUND, found


@pytest.mark.skipif(not torch.ops.mkldnn._is_mkldnn_bf16_supported(), reason="no bf16 arithmetic on this CPU")
def test_bf16_agrees() -> None:
    found, bound = differences("bf16")
    assert "padding" in found
    assert max(found.values()) <= bound, (found, bound)


def rows(capsys: pytest.CaptureFixture[str], only: str) -> dict[str, str]:
    """The last column of the table by trick."""
    parser = argparse.ArgumentParser()
    step.add_parser(parser.add_subparsers())
    words = ["step", "--ablate", "--batch-size", "2", "--identities", "5", "--rounds", "1", "--only", only]
    words += ["--config", str(LATEST), *SMALL, "run.precision=fp32"]
    assert step.run(parser.parse_args(words)) is None
    lines = [line.split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| latest")]
    return {cells[1]: cells[-1] for cells in lines}


def test_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    found = rows(capsys, "frozen")
    assert list(found) == ["frozen"] and "<" in found["frozen"]


def test_a_wrong_replacement_shows(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def other_slope(*arguments: torch.Tensor) -> torch.Tensor:
        return plain_operations.plain_sample_norm(*arguments[:-1], 0.21)

    plain = plain_operations.replacing(plain_operations.convolution, sample_norm=other_slope)
    monkeypatch.setattr("tools.benchmarks.ablation.TRICKS", [Trick("wrong", "", plain)])
    assert "MORE THAN" in rows(capsys, "wrong")["wrong"]


def test_what_is_replaced_must_be_there() -> None:
    with pytest.raises(AttributeError), plain_operations.replaced(math, no_such_function=None):
        pass
    before = math.sin
    with plain_operations.replaced(math, sin=math.cos):
        assert math.sin(0) == 1
    assert math.sin is before
