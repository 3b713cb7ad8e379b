"""Compiled kernels: the same numbers and gradients as the plain operations; no compiler, one line in the log."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from dgnet.layers.fused import compile_small_functions, fused
from dgnet.layers.norm import adaptive_instance_norm, instance_norm, sample_norm

CPU = torch.device("cpu")
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler on this machine")


@pytest.fixture
def compiled() -> Iterator[None]:
    assert compile_small_functions(True, CPU)
    yield
    compile_small_functions(False, CPU)


def passes(dtype: torch.dtype, slope: float) -> list[Tensor]:
    """Outputs and all gradients of the three norms."""
    torch.manual_seed(0)
    x = (3 + torch.randn(2, 4, 6, 5)).to(dtype).to(memory_format=torch.channels_last).requires_grad_()
    gain, bias = torch.rand(2, 4, requires_grad=True), torch.randn(2, 4, requires_grad=True)
    channel_gain, channel_bias = torch.rand(4, requires_grad=True), torch.randn(4, requires_grad=True)
    found = []
    for y, inputs in (
        (instance_norm(x, slope), [x]),
        (adaptive_instance_norm(x, gain, bias, slope), [x, gain, bias]),
        (sample_norm(x, channel_gain, channel_bias, slope), [x, channel_gain, channel_bias]),
    ):
        found += [y.detach(), *torch.autograd.grad(y, inputs, torch.cos(torch.arange(y.numel())).view_as(y).to(dtype))]
    return found


@needs_compiler
@pytest.mark.parametrize("slope", [0.2, 1.0])
def test_compiled_equals_plain(slope: float, compiled: None) -> None:
    ours = passes(torch.float32, slope)
    compile_small_functions(False, CPU)
    for one, other in zip(ours, passes(torch.float32, slope), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
        assert one.stride() == other.stride()


@needs_compiler
def test_autocast_does_not_reach_inside(compiled: None) -> None:
    double_product = fused(lambda x: (x @ x.mT).sum())
    x = torch.full((8, 8), 1 + 2**-12)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert double_product(x).dtype == torch.float32
        assert double_product(x) > 512


def test_without_a_compiler_plain_operations_and_a_reason(tmp_path) -> None:
    program = (
        "import logging, torch; logging.basicConfig()\n"
        "from dgnet.layers.fused import compile_small_functions\n"
        "print(compile_small_functions(True, torch.device('cpu')))\n"
    )
    environment = os.environ | {
        "CXX": str(tmp_path / "no-compiler"),
        "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache"),
    }
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert "no working compiler here" in done.stderr
