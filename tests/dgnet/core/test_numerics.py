"""The one function that sets torch's backends. The flags can be set and read without a GPU."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from dgnet.core import device as device_module
from dgnet.core.device import Precision, choose_precision
from dgnet.core.numerics import Numerics, float32_arithmetic, open_device, set_numerics

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)
ROOT = Path(__file__).parents[3]


def flags() -> dict[str, Any]:
    cudnn = torch.backends.cudnn
    return {
        "convolutions": cudnn.allow_tf32,
        "products": torch.backends.cuda.matmul.allow_tf32,
        "benchmark": cudnn.benchmark,
        "same choice": cudnn.deterministic,
        "deterministic": torch.are_deterministic_algorithms_enabled(),
    }


@pytest.fixture(autouse=True)
def restored():
    yield
    set_numerics(CPU)
    choose_precision.cache_clear()


@pytest.fixture
def card(monkeypatch):
    """A card that computes in everything."""
    monkeypatch.setattr(device_module, "_computes_in", lambda *_: True)
    choose_precision.cache_clear()


@pytest.mark.parametrize(
    ("precision", "tf32"), [("fp32", False), ("tf32", True), ("bf16", True), ("fp16", True), ("auto", True)]
)
def test_float32_is_float32_unless_a_coarser_precision_is_asked_for(card, precision, tf32):
    torch.backends.cudnn.allow_tf32 = not tf32
    torch.set_float32_matmul_precision("highest" if tf32 else "high")
    numerics = set_numerics(CUDA, precision, fixed_shapes=True)
    assert (flags()["convolutions"], flags()["products"], numerics.tf32) == (tf32, tf32, tf32)
    assert flags()["benchmark"] and not flags()["same choice"]


def test_determinism_leaves_no_choice_to_cudnn(card, monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    set_numerics(CUDA, "fp32", fixed_shapes=True, deterministic=True)
    assert flags() == {
        "convolutions": False,
        "products": False,
        "benchmark": False,
        "same choice": True,
        "deterministic": True,
    }
    assert torch.is_deterministic_algorithms_warn_only_enabled()
    set_numerics(CUDA)
    assert not flags()["deterministic"] and flags()["same choice"], "work of other shapes: no benchmark, one choice"


def test_one_line_says_what_was_set(card, caplog):
    with caplog.at_level(logging.INFO):
        numerics = set_numerics(CUDA, "auto", fixed_shapes=True, channels_last=False)
    assert caplog.messages == [str(numerics)]
    assert str(numerics) == (
        "computes in bf16 on cuda:0 (TF32 on, cuDNN benchmark on, deterministic algorithms off, channels_last off)"
    )


def test_a_cpu_has_no_tf32(caplog):
    choose_precision.cache_clear()
    assert set_numerics(CPU, "tf32") == Numerics(CPU, "fp32", False, False, False, None)
    assert caplog.messages[0].startswith("precision tf32: fp32, as this CPU (")
    assert Precision("tf32", CPU).name == "fp32"


def test_tf32_is_no_autocast(card):
    precision = Precision("tf32", CPU)
    with torch.autocast("cpu", dtype=torch.bfloat16), precision.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32


def test_a_test_while_training_is_float32_and_gives_back_what_it_found(card):
    set_numerics(CUDA, "bf16")
    with pytest.raises(KeyError), float32_arithmetic():
        assert not flags()["convolutions"] and not flags()["products"]
        raise KeyError
    assert flags()["convolutions"] and flags()["products"]


def test_a_device_is_opened_for_float32():
    torch.backends.cudnn.allow_tf32 = True
    assert open_device("cpu") == CPU
    assert not flags()["convolutions"]


def test_every_command_opens_its_device():
    """`choose_device` alone would leave torch's defaults: TF32 in convolutions."""
    commands = [*ROOT.glob("tools/*.py"), *ROOT.glob("visual/**/*.py"), *ROOT.glob("dgnet/video/*.py")]
    assert len(commands) > 30
    assert [path.name for path in commands if "choose_device" in path.read_text(encoding="utf-8")] == []


@pytest.mark.gpu
def test_float32_products_and_convolutions_have_no_tf32_on_a_card():
    torch.manual_seed(0)
    exact = torch.randn(256, 256, dtype=torch.float64)
    image = torch.randn(4, 64, 16, 16, dtype=torch.float64)
    weight = torch.randn(64, 64, 3, 3, dtype=torch.float64)

    def errors() -> tuple[float, float]:
        x, i, w = (value.float().cuda() for value in (exact, image, weight))
        product, convolved = (x @ x).cpu().double(), torch.nn.functional.conv2d(i, w).cpu().double()
        true = exact @ exact, torch.nn.functional.conv2d(image, weight)
        return tuple(
            ((ours - theirs).norm() / theirs.norm()).item()
            for ours, theirs in zip((product, convolved), true, strict=True)
        )

    set_numerics(CUDA, "fp32")
    assert max(errors()) < 1e-5
    if set_numerics(CUDA, "tf32").precision == "tf32":
        assert min(errors()) > 1e-5, "TF32 has ten bits"
