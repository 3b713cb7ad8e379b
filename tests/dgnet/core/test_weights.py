"""Files of weights that other programs wrote: whatever stands around the weights, and one sentence for what is none."""

import argparse
import collections
import datetime
import enum
import gzip
import io
import os
import pathlib
import re
import shutil
import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from dgnet.core.checkpoint import load_checkpoint, save_checkpoint
from dgnet.core.errors import UserError
from dgnet.core.weights import read_state_dict
from tests.messages import mentions

WEIGHTS = {"conv1.weight": torch.arange(6.0).view(2, 3), "classifier.weight": torch.ones(2)}


class Adapted(dict[str, Any]):
    """A dictionary with attributes, as configurations of other programs are (EasyDict, yacs, Lightning)."""


class Options:
    """Options of a class of somebody else's (OmegaConf, a dataclass)."""

    def __init__(self) -> None:
        self.rate = 0.1


class Names(list[str]):
    """A list of a class of its own (OmegaConf, detectron2)."""


class Phase(enum.Enum):
    TRAIN = 1


def stepped_optimizer() -> dict[str, Any]:
    weights = nn.Parameter(torch.ones(3))
    optimizer = torch.optim.Adam([weights])
    weights.grad = torch.ones(3)
    optimizer.step()
    return optimizer.state_dict()


@pytest.fixture
def module_of_others(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A module that is there where the file is written and not where it is read."""
    module = types.ModuleType("their_training")
    for kind in (Adapted, Options, Names, Phase):
        monkeypatch.setattr(kind, "__module__", module.__name__)
        setattr(module, kind.__name__, kind)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def written(content: Any, path: Path, monkeypatch: pytest.MonkeyPatch, **options: Any) -> Path:
    torch.save(content, path, **options)
    monkeypatch.delitem(sys.modules, "their_training", raising=False)
    return path


def require_weights(path: Path) -> None:
    read = read_state_dict(path)
    assert read.keys() == WEIGHTS.keys() and all(torch.equal(read[key], WEIGHTS[key]) for key in WEIGHTS)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: collections.OrderedDict(state),
        lambda state: {"state_dict": state, "rank1": np.float64(0.5), "epoch": np.int64(3), "optimizer": {}},
        lambda state: {"model_state_dict": state, "optimizer_state_dict": stepped_optimizer(), "mean": torch.ones(3)},
        lambda state: {"model": state, "args": argparse.Namespace(lr=0.1, dirs=[pathlib.PurePosixPath("/data")])},
        lambda state: {"net": state, "acc": np.arange(3.0), "when": datetime.datetime(2020, 1, 1)},
        lambda state: {"epoch": 3, "model": {"state_dict": state}, "ema": {"conv1.weight": torch.zeros(2, 3)}},
        lambda state: {"model": None, "ema": state},
        lambda state: {"their_network": state, "optimizer": stepped_optimizer(), "scaler": {"scale": torch.ones(1)}},
        lambda state: {"params": collections.defaultdict(list, state)},
        lambda state: {"state_dict": state, "cfg": Adapted(a=Options(), b=Names(["x"])), "phase": {Phase.TRAIN: 1}},
        lambda state: {"state_dict": Adapted(state), "history": collections.deque([1, 2])},
        lambda state: {key: nn.Parameter(value) for key, value in state.items()} | {"epoch": 4},
        lambda state: {f"module.{key}": value for key, value in state.items()},
        lambda state: {"state_dict": {f"_orig_mod.module.{key}": value for key, value in state.items()}},
        lambda state: {f"module._orig_mod.{key}": value for key, value in state.items()},
        lambda state: {f"model._orig_mod.{key}": value for key, value in state.items()},
        lambda state: {f"module.{key}": value for key, value in state.items()} | {"n_averaged": torch.tensor(5)},
    ],
)
@pytest.mark.parametrize("zipped", [True, False])
def test_the_weights_are_found(
    wrap: Callable[[Any], Any],
    zipped: bool,
    tmp_path: Path,
    module_of_others: types.ModuleType,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = wrap(WEIGHTS)
    require_weights(written(content, tmp_path / "theirs.pth", monkeypatch, _use_new_zipfile_serialization=zipped))


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ({"model": WEIGHTS, "model_ema": {"conv1.weight": torch.zeros(2, 3)}}, "'model' is read, not 'model_ema'"),
        ({"ema": {"conv1.weight": torch.zeros(2, 3)}, "state_dict": WEIGHTS}, "'state_dict' is read, not 'ema'"),
        (
            {"model": {"net": WEIGHTS, "params_ema": {"a.b": torch.ones(1)}}, "optimizer": {}},
            "'net' is read, not 'params_ema'",
        ),
        ({"model": WEIGHTS, "a": WEIGHTS, "ema": WEIGHTS}, "'model' is read, not 'a', 'ema'"),
        ({"model": WEIGHTS, "head.weight": torch.ones(3), "b": 1}, "'model' is read, not 1 tensors outside of it"),
    ],
)
def test_of_several_sets_of_weights_it_says_which_is_read(
    content: Any, named: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "theirs.pth"
    torch.save(content, path)
    require_weights(path)
    assert len(caplog.records) == 1 and f"{path}: holds several sets of weights, and {named}" in caplog.text


@pytest.mark.parametrize(
    "content",
    [
        {"model": WEIGHTS, "optimizer": stepped_optimizer(), "ema": None, "model_ema": {}},
        {"model_state_dict": WEIGHTS, "mean": torch.ones(3)},
    ],
)
def test_one_set_of_weights_is_read_without_a_word(
    content: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    torch.save(content, tmp_path / "theirs.pth")
    require_weights(tmp_path / "theirs.pth")
    assert not caplog.records


class Harmful:
    """What it runs when it is unpickled leaves a folder."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("blocked", [True, False])
def test_nothing_in_a_file_is_executed(blocked: bool, tmp_path: Path) -> None:
    path, folder = tmp_path / "harm.pth", tmp_path / "made"
    (tmp_path / "source").mkdir()
    harm = (
        Harmful(os.mkdir, str(folder)) if blocked else Harmful(shutil.copytree, str(tmp_path / "source"), str(folder))
    )
    torch.save({"state_dict": WEIGHTS, "args": harm}, path)
    # A module that torch blocks is refused; another function is not called.
    if blocked:
        with pytest.raises(UserError, match=r"holds code \(\w+.mkdir\)"):
            read_state_dict(path)
    else:
        require_weights(path)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (lambda: Options(), "an object of the class their_training.Options, which is not loaded"),
        (lambda: nn.Linear(2, 2), r"a pickled module \(of the class torch.nn.modules.linear.Linear\).*state_dict"),
        (lambda: {"model": nn.Linear(2, 2), "epoch": 1}, r"its 'model' is a pickled module .*Linear"),
        (lambda: {"epoch": 3, "cfg": Options()}, r"holds no weights but 'epoch' \(int\), 'cfg' \(their_training.Op"),
        (dict, "holds no weights but an empty dictionary"),
        (lambda: {"a.weight": np.ones(3)}, r"holds no weights but 'a.weight' \(numpy"),
        (lambda: {"optimizer": stepped_optimizer()}, r"holds no weights but 'optimizer' \(dict\)"),
        (lambda: {"gen": WEIGHTS, "dis": WEIGHTS}, r"holds several networks \(gen, dis\)"),
        (lambda: torch.ones(3), "it holds a Tensor"),
        (lambda: {"state_dicts": [WEIGHTS, WEIGHTS]}, "its 'state_dicts' is a list with 2 sets of weights.*save that"),
        (lambda: (WEIGHTS, {"epoch": 3}), "holds a tuple with 1 sets? of weights.*save that"),
        (lambda: {"optimizers": [stepped_optimizer()]}, r"holds no weights but 'optimizers' \(list\)"),
    ],
)
def test_what_was_found_is_said(
    content: Callable[[], Any],
    words: str,
    tmp_path: Path,
    module_of_others: types.ModuleType,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = written(content(), tmp_path / "theirs.pth", monkeypatch)
    with pytest.raises(UserError, match=words) as refused:
        read_state_dict(path)
    assert str(refused.value).startswith(f"{path}: ") and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"", "the file is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "a web page"),
        (b"\x10\0\0\0\0\0\0\0" + b'{"a":{"dtype":1}}', "safetensors"),
        (b"no weights at all", "not a PyTorch file"),
        (b"\x80\x02}q\x00(X\x01\x00\x00\x00a", "not a PyTorch file"),
    ],
)
def test_what_is_no_file_of_weights(head: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "theirs.pth"
    path.write_bytes(head)
    with pytest.raises(UserError, match=words) as refused:
        read_state_dict(path)
    assert str(refused.value).startswith(f"{path}: ") and "\n" not in str(refused.value)


def archive(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return content.getvalue()


def test_archives_are_told_apart(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    program = torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2))
    torch.jit.save(program, tmp_path / "program.pt")
    recwarn.clear()
    for name, content, words in (
        ("program.pt", None, "a TorchScript archive"),
        ("packed.pth", gzip.compress(b"weights"), "compressed by gzip"),
        ("packed.pth", archive("best.pth", "log.txt"), "an archive of best.pth, log.txt; unpack it"),
        ("packed.pth", archive("best/data.pkl")[:-30], "a damaged one$"),
    ):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=words):
            read_state_dict(tmp_path / name)
    assert not recwarn.list


def test_a_shape_without_numbers_is_refused(tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.ones(2, device="meta")}, tmp_path / "theirs.pth")
    with pytest.raises(UserError, match=r"theirs\.pth: fc\.weight has a shape and no numbers"):
        read_state_dict(tmp_path / "theirs.pth")


def test_a_damaged_file_of_the_format_without_an_archive(tmp_path: Path) -> None:
    """The last pickle in it lists the storages; torch asserts that each was asked for before."""
    path = tmp_path / "weights.pth"
    torch.save({"fc.weight": torch.ones(2)}, path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    digits = list(re.finditer(rb"[0-9]{8,}", content))[-1]
    path.write_bytes(content[: digits.start()] + b"1" * len(digits[0]) + content[digits.end() :])
    with pytest.raises(UserError, match="weights.pth: not a PyTorch file, or a damaged one"):
        read_state_dict(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_numbers_that_are_not_finite_are_refused(value: float, tmp_path: Path) -> None:
    """A training with them ends at its first loss, and a generator with them draws something all the same."""
    path = tmp_path / "weights.pth"
    spoiled = {**WEIGHTS, "conv1.weight": WEIGHTS["conv1.weight"].clone()}
    spoiled["conv1.weight"][1, 2] = value
    torch.save({"state_dict": spoiled}, path)
    with pytest.raises(UserError, match=mentions(path, "conv1.weight", "1 of its 6 numbers")):
        read_state_dict(path)
    save_checkpoint(path, {"generator": spoiled, "step": 1})
    with pytest.raises(UserError, match=mentions(path, "generator.conv1.weight", "1 of its 6 numbers")):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("tensor", "named"),
    [
        (torch.ones(2, dtype=torch.complex64), "complex64"),
        (torch.ones(2, dtype=torch.int8), "int8"),
        (torch.ones(2).to(torch.float8_e4m3fn), "float8_e4m3fn"),
        (torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8), "qint8"),
        (torch.sparse_coo_tensor(torch.tensor([[0]]), torch.ones(1), (2,)), "sparse_coo"),
    ],
)
def test_weights_that_are_no_real_numbers_are_refused(tensor: torch.Tensor, named: str, tmp_path: Path) -> None:
    """A network takes the real part, and 8 bits without their scale; the others ended in errors of torch."""
    file = tmp_path / "weights.pth"
    torch.save({"conv.weight": tensor}, file)
    with pytest.raises(UserError, match=mentions("weights.pth", "conv.weight", named)):
        read_state_dict(file)


def test_counts_and_small_floats_are_read(tmp_path: Path) -> None:
    file = tmp_path / "weights.pth"
    torch.save({"n.num_batches_tracked": torch.tensor(3), "n.weight": torch.ones(2, dtype=torch.bfloat16)}, file)
    assert len(read_state_dict(file)) == 2


def test_a_folder_is_no_file_of_weights(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=mentions(tmp_path, "a folder")):
        read_state_dict(tmp_path)
