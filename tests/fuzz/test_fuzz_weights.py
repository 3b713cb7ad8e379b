"""Files of `torch.save`: weights in any usual wrapping are found; damaged and foreign files are refused."""

import argparse
import io
from collections import OrderedDict, defaultdict
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from dgnet.core.weights import read_state_dict
from tests.fuzz.cases import Refusal, attempt, folder, reading, refusal

pytestmark = pytest.mark.slow

KEYS = st.lists(st.sampled_from(["conv1", "layer1", "bn", "0", "weight", "bias", "fc"]), min_size=2, max_size=3)
DTYPES = [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.uint8, torch.bool]
TENSORS = st.builds(
    lambda shape, dtype, seed: torch.randint(0, 2, shape, generator=torch.Generator().manual_seed(seed)).to(dtype),
    st.lists(st.integers(0, 4), max_size=3),
    st.sampled_from(DTYPES),
    st.integers(0, 99),
)
# Weights and biases are floating-point numbers, other entries any numbers; `test_whole_numbers_are_no_weights` has the
# rest.
NAMES = KEYS.map(".".join)
STATES = st.dictionaries(NAMES, TENSORS, min_size=1, max_size=5).map(
    lambda state: {key: value.float() if key.endswith(("weight", "bias")) else value for key, value in state.items()}
)
PREFIXES = st.lists(st.sampled_from(["module.", "model.", "net.", "_orig_mod."]), max_size=2).map("".join)
WRAPPERS = st.lists(
    st.sampled_from(["state_dict", "model", "net", "weights", "params", "model_state_dict"]), max_size=2
)
# What programs keep beside the weights.
BESIDE: dict[str, Any] = {
    "epoch": 7,
    "args": argparse.Namespace(lr=0.1),
    "optimizer": {"state": {0: {"momentum_buffer": torch.ones(2)}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
    "best_acc": np.float64(0.5),
    "history": defaultdict(list, loss=[1.0]),
    "lr_scheduler": {"last_epoch": 7, "base_lrs": [0.1]},
    "config": None,
}


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, dict[str, Tensor]]:
    """The bytes of a file of weights, and the weights."""
    state = draw(STATES)
    prefix = draw(PREFIXES)
    content: Any = draw(st.sampled_from([dict, OrderedDict]))((prefix + key, value) for key, value in state.items())
    for wrapper in draw(WRAPPERS):
        beside = draw(st.lists(st.sampled_from(sorted(BESIDE)), max_size=3, unique=True))
        content = {**{name: BESIDE[name] for name in beside}, wrapper: content}
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=draw(st.booleans()))
    return file.getvalue(), state


def read(content: bytes) -> dict[str, Tensor]:
    with folder() as root:
        (root / "weights.pth").write_bytes(content)
        return read_state_dict(root / "weights.pth")


@given(files())
def test_the_weights_are_found(drawn: tuple[bytes, dict[str, Tensor]]) -> None:
    content, state = drawn
    weights = reading(lambda: read(content))
    assert weights.keys() == state.keys()
    assert all(torch.equal(weights[key], value) and weights[key].dtype == value.dtype for key, value in state.items())


@given(STATES, NAMES, st.sampled_from(["weight", "bias"]), st.sampled_from([torch.int64, torch.uint8, torch.bool]))
def test_whole_numbers_are_no_weights(state: dict[str, Tensor], name: str, kind: str, dtype: torch.dtype) -> None:
    file = io.BytesIO()
    torch.save({**state, f"{name}.{kind}": torch.ones(2, dtype=dtype)}, file)
    assert "must hold floating-point numbers, got torch." in refusal(lambda: read(file.getvalue()))


@given(files(), st.floats(0, 1, exclude_max=True))
def test_what_is_cut_off_is_refused(drawn: tuple[bytes, dict[str, Tensor]], part: float) -> None:
    content, state = drawn
    weights = attempt(lambda: read(content[: int(part * len(content))]))
    if isinstance(weights, Refusal):
        assert "weights.pth: " in weights
    else:
        assert all(torch.equal(weights[key], value) for key, value in state.items())


@given(files(), st.data())
def test_changed_bytes_give_tensors_or_are_refused(drawn: tuple[bytes, dict[str, Tensor]], data: st.DataObject) -> None:
    content = bytearray(drawn[0])
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    weights = attempt(lambda: read(bytes(content)))
    if isinstance(weights, Refusal):
        assert "weights.pth: " in weights
    else:
        assert weights and all(isinstance(value, Tensor) for value in weights.values())


@given(
    st.recursive(
        st.none() | st.integers() | st.floats() | st.text(max_size=5) | st.booleans(),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3)
        ),
    )
)
def test_what_holds_no_tensor_is_refused(content: Any) -> None:
    file = io.BytesIO()
    torch.save(content, file)
    assert "must hold a state dict" in refusal(lambda: read(file.getvalue()))


@given(st.binary(max_size=300), st.sampled_from([b"", b"PK\x03\x04", b"\x80\x02", b"\x80\x04}", b"<html>"]))
def test_any_bytes_are_refused(content: bytes, head: bytes) -> None:
    assert "weights.pth: " in refusal(lambda: read(head + content))
