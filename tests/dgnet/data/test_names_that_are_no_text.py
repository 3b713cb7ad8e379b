"""File names are bytes: what reads, counts, prints and writes them survives those that are no UTF-8."""

import io
import json
import os
import sys
from pathlib import Path

import pytest

from dgnet.core.folder_names import printable
from dgnet.data.checks import check_dataset
from dgnet.data.datasets import read_dataset
from dgnet.data.description import describe_dataset
from dgnet.generation.paths import file_names, fingerprint
from dgnet.runs.log import RunLog
from eval.images.diversity import drawn_pairs
from tests.dgnet.data.photographs import run_tool, write_image

TOOL = Path(__file__).parents[3] / "tools" / "check_data.py"


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Two people, in a folder and with images whose names are no UTF-8."""
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/people\xff"))
    for person in (b"amy\xe9", b"bob"):
        for name in (b"1\xfc.png", b"2.png"):
            image = write_image(tmp_path / f"{person.hex()}{name.hex()}.png")
            target = os.fsencode(folder) + b"/" + person + b"/" + name
            os.makedirs(os.path.dirname(target), exist_ok=True)
            os.replace(image, target)
    (folder / "bob" / os.fsdecode(b"notes\xff.txt")).touch()
    return folder


def test_they_are_read_described_and_counted(people: Path) -> None:
    dataset = read_dataset(people)
    assert len(dataset.train) == 4 and len(dataset.identities) == 2
    assert "\\udcff" in printable(describe_dataset(dataset))
    assert [problem.kind for problem in check_dataset(dataset).problems] == ["file passed over"]
    assert len(fingerprint(dataset)) == 64 and len(file_names(dataset, [(0, 1)])) == 1
    assert drawn_pairs(os.fsdecode(b"amy\xe9"), 3, 2, 1, seed=0).shape == (1, 2, 2)


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_check_data_prints_them(
    people: Path, encoding: str, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding, errors="strict"))
    assert run_tool(TOOL, [people, *options], monkeypatch) == 1
    sys.stdout.flush()
    text = printed.getvalue().decode(encoding)
    assert "udcff" in text and (not options or json.loads(text)["problems"])


def test_a_log_takes_them(tmp_path: Path, people: Path) -> None:
    log = RunLog(tmp_path / "log.txt")
    log.to_file(f"read {people}")
    log.close()
    assert "\\udcff" in (tmp_path / "log.txt").read_text(encoding="utf-8")


def test_line_ends_in_names_make_no_lines(tmp_path: Path) -> None:
    for name in ("amy\nsmith", "bob"):
        for number in range(2):
            write_image(tmp_path / name / f"{number}.png")
    (tmp_path / "bob" / "a\nb.txt").touch()
    dataset = read_dataset(tmp_path)
    assert describe_dataset(dataset).splitlines()[-1] == r"passed over: 1 (bob/a\nb.txt): no image by its ending '.txt'"
    assert r"bob/a\nb.txt: no image" in check_dataset(dataset).as_text()
