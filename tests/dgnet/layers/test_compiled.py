"""Compiled kernels: the same numbers and gradients as the plain operations; no compiler, one line in the log."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dgnet.layers import compiled

ROOT = Path(__file__).parents[3]


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler on this machine")
def test_compiled_equals_plain() -> None:
    done = run(str(Path(__file__).with_name("compiled_norms.py")))
    assert done.stdout.strip() == "equal", done.stderr


@pytest.mark.slow
def test_without_a_compiler_plain_operations_and_a_reason(tmp_path: Path) -> None:
    program = (
        "import logging, torch; logging.basicConfig()\n"
        "from dgnet.layers.compiled import compile_small_functions\n"
        "print(compile_small_functions(True, torch.device('cpu')))\n"
    )
    done = run("-c", program, CXX=str(tmp_path / "none"), TORCHINDUCTOR_CACHE_DIR=str(tmp_path / "cache"))
    assert done.stdout.strip() == "False", done.stderr
    assert "no working compiler here" in done.stderr


def test_a_compiler_that_ends_in_the_middle(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Ctrl-C reaches it, too: the run ended in its error, and the iterations since the last checkpoint were lost."""
    import torch._dynamo.exc

    def killed(*_: object) -> None:
        raise torch._dynamo.exc.TorchDynamoException("C++ compile error\nmany lines")

    monkeypatch.setitem(compiled._state, "on", True)
    monkeypatch.setattr(torch, "compile", lambda *_, **__: killed)
    double = compiled.compiled(lambda x: 2 * x)
    for _ in range(2):
        assert double(torch.ones(2)).tolist() == [2, 2]
    assert not compiled.compiling()
    assert caplog.text.count("a compiler failed") == 1 and "(C++ compile error)" in caplog.text
