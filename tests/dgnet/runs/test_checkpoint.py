import contextlib
import logging
import os
import resource
import subprocess
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
import torch

from dgnet.core import checkpoint as core_checkpoint
from dgnet.core.errors import UserError
from dgnet.runs import checkpoint


def state(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {
        "weights": [torch.randn(50, 7, generator=generator)],
        "iteration": 3,
        "name": "x",
        "none": None,
        "pair": (1, 0.1),
    }


def test_a_state_comes_back_bit_for_bit_and_as_plain_data(tmp_path):
    path = checkpoint.checkpoint_path(tmp_path, 12000)
    assert path.name == "checkpoint_00012000.pt" and checkpoint.checkpoint_iteration(path) == 12000
    core_checkpoint.save_checkpoint(path, state())
    loaded = core_checkpoint.load_checkpoint(path)
    assert torch.equal(loaded.pop("weights")[0], state()["weights"][0])
    assert loaded == {"iteration": 3, "name": "x", "none": None, "pair": (1, 0.1)}
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("alien", [np.float64(1.0), np.zeros(2), Counter("a"), {1, 2}, object()])
def test_what_weights_only_would_not_load_is_refused_when_saving(tmp_path, alien):
    with pytest.raises(TypeError, match=r"state\['deep'\]\[1\]"):
        core_checkpoint.save_checkpoint(tmp_path / "x.pt", {"deep": [1, alien]})
    assert os.listdir(tmp_path) == []


def truncate(path):
    os.truncate(path, path.stat().st_size // 2)


def flip_a_bit(path):
    # In the middle of the tensor: torch itself would load it without a word.
    data = bytearray(path.read_bytes())
    position = data.index(state()["weights"][0].numpy().tobytes()) + 100
    data[position] ^= 1
    path.write_bytes(data)


def make_empty(path):
    path.write_bytes(b"")


def replace_by_text(path):
    path.write_text("not a checkpoint at all\n" * 100)


DAMAGES = [truncate, flip_a_bit, make_empty, replace_by_text]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_named(tmp_path, damage):
    path = tmp_path / "checkpoint_00000001.pt"
    core_checkpoint.save_checkpoint(path, state())
    damage(path)
    with pytest.raises(UserError, match=r"checkpoint_00000001\.pt is damaged"):
        core_checkpoint.load_checkpoint(path)


def test_missing_and_foreign_files_are_named(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        core_checkpoint.load_checkpoint(tmp_path / "nothing.pt")
    torch.save({"object": Fraction(1, 2)}, tmp_path / "code.pt")
    with pytest.raises(UserError, match=r"code\.pt holds more than"):
        core_checkpoint.load_checkpoint(tmp_path / "code.pt")
    with pytest.raises(UserError, match="not named like a checkpoint"):
        checkpoint.checkpoint_iteration(tmp_path / "code.pt")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_newest_is_passed_over_aloud_and_left_alone(tmp_path, caplog, damage):
    assert checkpoint.latest_checkpoint(tmp_path / "missing") is None
    assert checkpoint.latest_checkpoint(tmp_path) is None
    paths = [checkpoint.checkpoint_path(tmp_path, iteration) for iteration in (900, 10000)]
    for path in paths:
        core_checkpoint.save_checkpoint(path, state())
    assert checkpoint.latest_checkpoint(tmp_path) == paths[1]
    damage(paths[1])
    with caplog.at_level(logging.WARNING):
        assert checkpoint.latest_checkpoint(tmp_path) == paths[0]
    assert str(paths[1]) in caplog.text
    truncate(paths[0])
    with pytest.raises(UserError, match=r"every checkpoint .* is damaged"):
        checkpoint.latest_checkpoint(tmp_path)
    assert checkpoint.list_checkpoints(tmp_path) == paths


def test_pruning_keeps_the_last_and_what_it_does_not_know(tmp_path):
    for iteration in (100, 150, 200, 250, 300, 900):
        checkpoint.checkpoint_path(tmp_path, iteration).touch()
    (tmp_path / "teacher.pt").touch()
    removed = checkpoint.prune(tmp_path, keep=2, newest=300)
    assert [checkpoint.checkpoint_iteration(path) for path in removed] == [100, 150, 200]
    checkpoint.prune(tmp_path, keep=1, newest=300)
    # 900 is a later one that was passed over as damaged: it must not push out the only good one.
    assert sorted(os.listdir(tmp_path)) == ["checkpoint_00000300.pt", "checkpoint_00000900.pt", "teacher.pt"]
    with pytest.raises(UserError, match="at least 1, not 0"):
        checkpoint.prune(tmp_path, keep=0, newest=300)


@pytest.fixture
def small_disk(tmp_path):
    """A folder in which a file of 300 kB can be written and one of 3 MB cannot."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
    with contextlib.suppress(FileNotFoundError):
        if subprocess.run(mount, capture_output=True).returncode == 0:
            yield folder
            subprocess.run(["umount", folder], check=True)
            return
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    yield folder
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_the_earlier_checkpoints_intact(small_disk):
    first, second = (checkpoint.checkpoint_path(small_disk, iteration) for iteration in (1, 2))
    core_checkpoint.save_checkpoint(first, {"weights": torch.ones(75_000)})
    before = core_checkpoint.file_hash(first)
    for path in (second, first):
        with pytest.raises(
            UserError, match=rf"{path.name} could not be written: (No space left|File too large).*intact"
        ):
            core_checkpoint.save_checkpoint(path, {"weights": torch.ones(750_000)})
    assert os.listdir(small_disk) == [first.name] and core_checkpoint.file_hash(first) == before


def test_a_missing_folder_is_one_sentence(tmp_path):
    with pytest.raises(UserError, match="No such file or directory"):
        core_checkpoint.save_checkpoint(tmp_path / "missing" / "x.pt", state())


def test_file_hash_is_sha256(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    assert core_checkpoint.file_hash(tmp_path / "abc").startswith("ba7816bf8f01cfea414140de5dae2223")
