"""Whose checkpoint a training goes on from."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from dgnet.core.checkpoint import save_checkpoint
from dgnet.core.errors import UserError
from dgnet.data.records import Dataset, Record
from dgnet.runs.resume import data_fingerprint, load_resume_state, require_trained_on
from tests.messages import mentions

CPU = torch.device("cpu")
KIND = "training state of a thing"
NAME = "checkpoint_00000004.pt"


def people(folder: Path, *identities: int, name: str = "x.png") -> Dataset:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"four")
    return Dataset("some", folder, tuple(Record(folder / name, identity, 1, "train") for identity in identities))


def save(folder: Path, dataset: Dataset, **changes: Any) -> Path:
    state = {"kind": KIND, "iteration": 4, **data_fingerprint(dataset, 1, b"made"), **changes}
    save_checkpoint(folder / NAME, {key: value for key, value in state.items() if value is not None})
    return folder / NAME


def go_on(path: Path, dataset: Dataset, processes: int = 1, generated: bytes = b"made") -> int:
    return int(
        load_resume_state(path, KIND, dataset, CPU, data_fingerprint(dataset, processes, generated))["iteration"]
    )


def refusal(path: Path, dataset: Dataset, **others: Any) -> str:
    with pytest.raises(UserError) as caught:
        go_on(path, dataset, **others)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path} was trained ") and "\n" not in sentence
    return sentence


def test_a_run_does_not_go_on_with_other_people(tmp_path: Path) -> None:
    path = save(tmp_path, people(tmp_path, 7, 2, 5, 5))
    assert go_on(path, people(tmp_path, 7, 2, 5, 5)) == 4
    for others in ((2, 5), (2, 5, 8), (2, 5, 7, 9)):
        assert "3 identities that are not the" in refusal(path, people(tmp_path, *others))


def test_a_run_does_not_go_on_from_the_state_of_something_else(tmp_path: Path) -> None:
    dataset = people(tmp_path, 2, 5, 7)
    with pytest.raises(UserError, match="must hold a training state of a thing, holds a teapot$"):
        go_on(save(tmp_path, dataset, kind="teapot"), dataset)


def test_states_of_earlier_versions_said_nothing_of_it(tmp_path: Path) -> None:
    silent = dict.fromkeys(("kind", "identities", "images", "content", "generated", "processes"))
    assert go_on(save(tmp_path, people(tmp_path, 2, 5, 7), **silent), people(tmp_path, 1, 2)) == 4


def test_a_run_does_not_go_on_with_other_images(tmp_path: Path) -> None:
    path = save(tmp_path, people(tmp_path / "a", 2, 5, 7))
    moved = people(tmp_path / "b", 2, 5, 7)
    assert go_on(path, moved) == 4
    (tmp_path / "b" / "x.png").write_bytes(b"longer")
    renamed = people(tmp_path / "c", 2, 5, 7, name="y.png")
    for other in (moved, people(tmp_path / "d", 2, 5, 7, 7), people(tmp_path / "e", 7, 5, 2), renamed):
        assert "on other images than the " in refusal(path, other)


def test_nor_with_images_of_the_same_name_and_size(tmp_path: Path) -> None:
    dataset, made = people(tmp_path / "a", 2, 5, 7), tmp_path / "made.png"
    made.write_bytes(b"one")
    now = data_fingerprint(dataset, 1, b"made", [made])
    path = save(tmp_path, dataset, **now)
    assert load_resume_state(path, KIND, dataset, CPU, now)["iteration"] == 4
    made.write_bytes(b"two")
    with pytest.raises(UserError, match="on images of another content"):
        load_resume_state(path, KIND, dataset, CPU, data_fingerprint(dataset, 1, b"made", [made]))
    made.write_bytes(b"one")
    (tmp_path / "a" / "x.png").write_bytes(b"dark")
    with pytest.raises(UserError, match="on images of another content"):
        load_resume_state(path, KIND, dataset, CPU, data_fingerprint(dataset, 1, b"made", [made]))
    # What earlier versions wrote says nothing of it.
    assert go_on(save(tmp_path, dataset, content=None), dataset) == 4


def test_a_finished_run_is_of_its_images(tmp_path: Path) -> None:
    dataset, run = people(tmp_path / "a", 2, 5, 7), tmp_path / "run"
    require_trained_on(run, dataset)  # there is nothing to compare with
    (run / "checkpoints").mkdir(parents=True)
    save(run / "checkpoints", dataset)
    require_trained_on(run, people(tmp_path / "moved", 2, 5, 7))
    with pytest.raises(UserError, match=mentions(str(run), "images", "--name")):
        require_trained_on(run, people(tmp_path / "b", 2, 5, 8))
    (tmp_path / "a" / "x.png").write_bytes(b"dark")
    with pytest.raises(UserError, match=mentions(str(run), "images", "--name")):
        require_trained_on(run, dataset)


def test_nor_with_other_generated_ones_or_another_number_of_processes(tmp_path: Path) -> None:
    dataset = people(tmp_path, 2, 5, 7)
    path = save(tmp_path, dataset)
    for generated in (b"", b"other"):
        assert "other generated images than generated.source gives" in refusal(path, dataset, generated=generated)
    assert "by 1 processes, now there are 2; start as many" in refusal(path, dataset, processes=2)


@pytest.mark.skipif(os.name != "posix", reason="elsewhere the names of files are text")
def test_names_of_files_need_not_be_text(tmp_path: Path) -> None:
    try:
        dataset, other = (people(tmp_path, 2, 5, name=os.fsdecode(name)) for name in (b"caf\xe9.png", b"caf\xe8.png"))
    except OSError:
        pytest.skip("this file system wants text")
    path = save(tmp_path, dataset)
    assert go_on(path, dataset) == 4
    assert "on other images" in refusal(path, other)
