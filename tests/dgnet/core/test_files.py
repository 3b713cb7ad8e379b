"""A place where nothing can be written is noticed before the work whose result should go there."""

from pathlib import Path

import pytest

from dgnet.core.errors import UserError
from dgnet.core.files import check_place, replace_text
from tests.tools.evaluation_tool import answer
from tools import evaluate_reid, export_onnx, extract, search, transfer


def test_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.chdir(tmp_path)
    for good in ("new.png", "file", "deep/er/new.png"):
        check_place(tmp_path / good)
        check_place(Path(good))
    assert sorted(tmp_path.iterdir()) == [tmp_path / "file"], "nothing is made"
    for bad in ("file/new.png", "file/deep/new.png"):
        with pytest.raises(UserError, match=f"{bad}: cannot be written, .*/file is a file and no folder"):
            check_place(tmp_path / bad)
    with pytest.raises(UserError, match=f"{tmp_path}: must be a file, it is a folder"):
        check_place(tmp_path)


def test_what_cannot_be_written_has_the_name_that_was_given(tmp_path: Path) -> None:
    wanted = tmp_path / "nowhere" / "table.csv"
    with pytest.raises(OSError) as caught:
        replace_text(wanted, "x")
    assert caught.value.filename == str(wanted)


def test_the_longest_names_are_written(tmp_path: Path) -> None:
    """255 bytes; `.NAME.partial`, under which a file is written, would be longer."""
    for name in ("n" * 251 + ".csv", "\u00e9" * 125 + ".csv"):
        replace_text(tmp_path / name, "x")
        assert [path.name for path in tmp_path.iterdir()] == [name]
        (tmp_path / name).unlink()


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        (extract, ("--model-path", "no.pth", "--to", "{place}/x.npz", "{place}")),
        (search, ("--model-path", "no.pth", "--query", "a.png", "--gallery", "b", "--to", "{place}/x.png")),
        (export_onnx, ("--model-path", "no.pth", "--to", "{place}/x.onnx")),
        (transfer, ("--features", "no.npz", "--json", "{place}/x.json")),
        (transfer, ("--features", "no.npz", "--save", "{place}")),
        (evaluate_reid, ("--name", "no", "--report", "{place}")),
        (evaluate_reid, ("--name", "no", "--features", "{place}/x.npz")),
    ],
)
def test_tools_look_first(tool, words, tmp_path, monkeypatch, capsys) -> None:
    """Before the weights, which are not there either."""
    (tmp_path / "file").write_text("x")
    given = [word.format(place=tmp_path / "file") for word in words]
    status, _, said = answer(tool, monkeypatch, capsys, *given)
    assert status == 2 and "file is a file and no folder" in said
