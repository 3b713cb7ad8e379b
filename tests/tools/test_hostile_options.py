"""Names and values that users do not mean: a sentence and status 2, never a traceback, and no file of a wrong kind."""

import io
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from dgnet.core.errors import UserError, command
from dgnet.core.files import replace_text
from tests.tools.evaluation_tool import answer
from tests.visual.small_run import write_run
from tools import evaluate_reid, export_onnx, extract, generate, report, search, train_gan, transfer
from visual import show_swap

pytestmark = pytest.mark.usefixtures("narrow")

# A name in Latin-1, as Python holds it.
LATIN_1 = os.fsdecode(b"caf\xe9")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("hostile")
    write_run(place)
    return place


@pytest.mark.parametrize(
    ("tool", "words", "sentence"),
    [
        (extract, ("x", "--model-path", "x", "--output", "x.txt"), "--output: must end in .npz, got 'x.txt'"),
        (evaluate_reid, ("--name", "x", "--features", "x.csv"), "--features: must end in .npz, got 'x.csv'"),
        (export_onnx, ("--model-path", "x", "--output", "x.pth"), "--output: must end in .onnx, got 'x.pth'"),
        (transfer, ("--output", "x.txt"), "--output: must end in .json, got 'x.txt'"),
        (report, ("--output", "x.pdf"), "--output: must end in .html or .htm, got 'x.pdf'"),
        (search, ("--output", "x.svg"), "--output: must end in .png, .jpg, .jpeg, .webp, .pdf or have no ending"),
        (generate, ("--memory", "1e308"), "--memory: must be a number greater than 0 and at most 1"),
        (generate, ("--jpeg-quality", "ten"), "--jpeg-quality: must be a whole number from 1 to 100, got 'ten'"),
        (train_gan, ("--config", "."), ".: a folder, not a configuration file"),
        (train_gan, ("--config", "x", "--name", "x" * 300), "--name: must be a folder name of at most 200 bytes"),
    ],
)
def test_it_is_one_sentence(
    tool: Any,
    words: tuple[str, ...],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, printed, said = answer(tool, monkeypatch, capsys, *words)
    assert (status, printed, said.count("\n")) == (2, "", 1) and sentence in said


def strictly(tool: Any, monkeypatch: pytest.MonkeyPatch, *words: object) -> tuple[int, str]:
    """A tool's status and what it prints where the output is strict ASCII, as with LC_ALL=C in pipes."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii", errors="strict"))
    monkeypatch.setattr(sys, "argv", ["tool", *map(str, words)])
    with pytest.raises(SystemExit) as left:
        command(tool.main)
    sys.stdout.flush()
    return int(left.value.code or 0), written.getvalue().decode("ascii")


@pytest.mark.slow
def test_names_that_are_no_utf8(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / LATIN_1
    folder.mkdir()
    for number, path in enumerate(sorted((place / "people" / "query").iterdir())[:3]):
        Image.open(path).save(folder / f"{number}{LATIN_1}.png")
    weights = place / "outputs/small/checkpoints/checkpoint_00000030.pt"
    query, picture = folder / f"0{LATIN_1}.png", tmp_path / f"{LATIN_1}.png"
    words = "--model-path", weights, "--query", query, "--gallery", folder, "--output", picture
    status, printed = strictly(search, monkeypatch, *words)
    assert status == 0 and "\\udce9" in printed and picture.is_file()
    # The similarity is a cosine, whatever the length of the features.
    figures = [float(line.split()[1]) for line in printed.splitlines() if line.startswith("    ")]
    assert len(figures) == 2 and all(-1 <= figure <= 1.0001 for figure in figures)
    sheet = tmp_path / f"{LATIN_1}_sheet.jpg"
    options = "--output-path", place, "--input-folder", folder, "--scale", 1, "--output", sheet
    status, printed = strictly(show_swap, monkeypatch, *options)
    assert status == 0 and sheet.is_file()


def test_a_text_file_is_not_written_with_a_name_that_is_no_utf8(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"table.csv: not written, as a file's name in it is no UTF-8 .*rename"):
        replace_text(tmp_path / "table.csv", f"path\n{LATIN_1}.png\n")
    assert not list(tmp_path.iterdir())
