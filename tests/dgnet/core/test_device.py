import platform
import re
from pathlib import Path

import pytest
import torch

from dgnet.core.device import Precision, choose_device, choose_precision
from dgnet.core.errors import UserError
from dgnet.core.memory import peak_memory_bytes
from dgnet.training.muon import Muon
from tests.messages import mentions

CPU = torch.device("cpu")


def test_device_names(monkeypatch):
    assert choose_device("cpu") == CPU
    for name in ("gpu", "cuda:", "cuda:-1", "mps", ""):
        with pytest.raises(UserError, match=rf"auto, cpu, cuda or cuda:NUMBER .*, got '{name}'"):
            choose_device(name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == CPU
    with pytest.raises(UserError, match="'cuda:1' is not available"):
        choose_device("cuda:1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    assert choose_device("auto") == torch.device("cuda", 0)
    assert choose_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(UserError, match=mentions("'cuda:2'", "GPU", "cuda:1")):
        choose_device("cuda:2")


@pytest.fixture
def without_halves(monkeypatch):
    """A CPU that computes in float32 alone, as those with AVX2 and no AVX-512 do."""
    for name in ("bf16", "fp16"):
        monkeypatch.setattr(torch.ops.mkldnn, f"_is_mkldnn_{name}_supported", lambda: False)
    choose_precision.cache_clear()
    yield
    choose_precision.cache_clear()


def test_auto_is_bf16_only_where_it_is_arithmetic(monkeypatch, without_halves, caplog):
    assert Precision("auto", CPU).name == Precision("auto", CPU).name == "fp32"
    (said,) = caplog.messages
    assert said.startswith("precision auto: fp32, as this CPU (") and "no bf16" in said
    choose_precision.cache_clear()
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert Precision("auto", CPU).dtype == torch.bfloat16
    assert len(caplog.messages) == 1


def test_bf16_of_x86_is_in_its_instructions(monkeypatch, without_halves):
    """oneDNN calls bf16 supported where there is AVX-512 alone: "auto" trained four times slower than float32 there."""
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    for avx512_bf16, amx, chosen in ((False, False, "fp32"), (True, False, "bf16"), (False, True, "bf16")):
        choose_precision.cache_clear()
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda has=avx512_bf16: has)
        monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda has=amx: has)
        assert choose_precision("auto", CPU) == chosen


@pytest.mark.parametrize("name", ["bf16", "fp16"])
def test_emulated_arithmetic_is_done_as_asked_and_said_once(without_halves, caplog, name):
    assert Precision(name, CPU).name == Precision(name, CPU).name == name
    (said,) = caplog.messages
    assert f"no {name} arithmetic: torch emulates it" in said and "take auto or fp32" in said
    Precision("fp32", CPU)
    assert len(caplog.messages) == 1


@pytest.mark.parametrize(
    ("name", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16), ("fp16", torch.float16)]
)
def test_autocast_computes_in_the_precision_asked_for(name, dtype):
    precision = Precision(name, CPU)
    with torch.autocast("cpu", dtype=torch.bfloat16), precision.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype
    assert (precision.scale == 1) == (name != "fp16")


def test_an_overflow_in_fp16_skips_the_step_and_is_counted_and_continued():
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([weight], lr=0.5)
    precision = Precision("fp16", CPU)
    scale = precision.scale

    precision.backward(weight.sum())
    assert torch.equal(weight.grad, torch.full((3,), scale))
    assert precision.step(optimizer)
    assert torch.equal(weight.detach(), torch.full((3,), 0.5)) and precision.skipped_steps == 0

    optimizer.zero_grad()
    precision.backward(weight.sum() * torch.inf)
    assert not precision.step(optimizer)
    assert torch.equal(weight.detach(), torch.full((3,), 0.5))
    assert precision.skipped_steps == 1 and precision.scale == scale / 2

    again = Precision("fp16", CPU)
    again.load_state_dict(precision.state_dict())
    assert (again.skipped_steps, again.scale) == (1, scale / 2)


def test_gradients_that_are_never_finite_in_fp16_end_the_training():
    """Every step was skipped, and a training ended well with its initial weights. The root of 0 has such gradients."""
    weight = torch.nn.Parameter(torch.zeros(3))
    optimizer, precision = torch.optim.SGD([weight], lr=1.0), Precision("fp16", CPU)

    def step(loss):
        optimizer.zero_grad()
        precision.backward(loss)
        return precision.step(optimizer)

    for _ in range(39):
        assert not step(weight.square().sum().sqrt())
    assert step((weight - 1).square().sum()) and precision.skipped_steps == 39
    weight.data.zero_()
    for _ in range(39):
        step(weight.square().sum().sqrt())
    with pytest.raises(UserError, match=mentions("fp16", "40 steps in a row", "bf16")):
        step(weight.square().sum().sqrt())


@pytest.mark.parametrize("name", ["fp32", "fp16"])
def test_an_optimizer_without_a_gradient_rests(name):
    weights = [torch.nn.Parameter(torch.ones(1, 3)) for _ in range(2)]
    optimizers = [Muon([weights[0]], 0.1), torch.optim.SGD([weights[1]], 0.5)]
    precision = Precision(name, CPU)
    assert precision.step(*optimizers)
    precision.backward(weights[1].sum())
    assert precision.step(*optimizers)
    assert torch.equal(weights[0], torch.ones(1, 3)) and torch.equal(weights[1], torch.full((1, 3), 0.5))
    assert precision.skipped_steps == 0


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="compares with Linux's own account")
def test_peak_memory_is_in_bytes_and_what_the_system_says():
    kibibytes = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())[1]
    assert peak_memory_bytes(CPU) == pytest.approx(1024 * int(kibibytes), rel=0.05)
