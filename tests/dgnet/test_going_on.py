"""Whose checkpoint a training goes on from."""

from pathlib import Path
from typing import Any

import pytest
import torch

from dgnet.checkpoint import save_checkpoint
from dgnet.data.records import Dataset, Record
from dgnet.errors import UserError
from dgnet.going_on import learnt_images, state_to_go_on_from

CPU = torch.device("cpu")
STATE = {"kind": "training state of a thing", "identities": [2, 5, 7], "iteration": 4}


def people(folder: Path, *identities: int) -> Dataset:
    folder.mkdir(exist_ok=True)
    (folder / "x.png").write_bytes(b"four")
    return Dataset("some", folder, tuple(Record(folder / "x.png", identity, 1, "train") for identity in identities))


def go_on(folder: Path, dataset: Dataset, **changes: Any) -> dict[str, Any]:
    path = folder / "checkpoint_00000004.pt"
    save_checkpoint(path, {key: value for key, value in (STATE | changes).items() if value is not None})
    return state_to_go_on_from(path, STATE["kind"], dataset, CPU)


def test_a_run_does_not_go_on_with_other_people(tmp_path: Path) -> None:
    assert go_on(tmp_path, people(tmp_path, 7, 2, 5, 5))["iteration"] == 4
    for others in ((2, 5), (2, 5, 8), (2, 5, 7, 9)):
        with pytest.raises(UserError, match="3 identities that are not the") as caught:
            go_on(tmp_path, people(tmp_path, *others))
        assert str(tmp_path / "checkpoint_00000004.pt") in str(caught.value) and "\n" not in str(caught.value)


def test_a_run_does_not_go_on_from_the_state_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="must hold a training state of a thing, holds a teapot$"):
        go_on(tmp_path, people(tmp_path, 2, 5, 7), kind="teapot")


def test_states_of_earlier_versions_said_neither(tmp_path: Path) -> None:
    assert go_on(tmp_path, people(tmp_path, 1, 2), kind=None, identities=None)["iteration"] == 4


def test_a_run_does_not_go_on_with_other_images(tmp_path: Path) -> None:
    dataset, elsewhere = people(tmp_path / "a", 2, 5, 7), people(tmp_path / "b", 2, 5, 7)
    for name in ("first.png", "second.png"):
        (tmp_path / name).write_bytes(b"made")
    made = [tmp_path / "first.png", tmp_path / "second.png"]
    path = tmp_path / "checkpoint_00000004.pt"
    save_checkpoint(path, STATE | learnt_images(dataset, made))
    assert state_to_go_on_from(path, STATE["kind"], elsewhere, CPU, made)["iteration"] == 4
    (tmp_path / "b" / "x.png").write_bytes(b"longer")
    for other, generated in (
        (elsewhere, made),
        (people(tmp_path / "c", 2, 5, 7, 7), made),
        (dataset, made[::-1]),
        (dataset, made[:1]),
        (dataset, ()),
    ):
        with pytest.raises(UserError, match="was trained on other images than the ") as caught:
            state_to_go_on_from(path, STATE["kind"], other, CPU, generated)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)
