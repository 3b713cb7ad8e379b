"""Where networks look: a run's appearance encoder and heads from their files, on one page."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dgnet.models.model_file import save_model
from dgnet.models.registry import build_model
from tests.visual.small_run import Script, write_run
from tools.show_activation import main

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("narrow")]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("activation")
    write_run(place)
    torch.manual_seed(0)
    save_model(place / "head.pth", build_model("resnet18", 3), (1, 2, 3), 64, 32)
    return place


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Script:
    return Script(monkeypatch, capsys)


def test_the_latest_run(script: Script, place: Path) -> None:
    status, printed, said = script(main, "--output-path", place, "--count", 2, "--scale", 1)
    assert (status, Path(printed.strip())) == (0, place / "outputs/small/pictures/activation_00000030.png"), said
    picture = np.asarray(Image.open(printed.strip()))
    # A row of images and a row of heat: as high as two images with their frames and margins.
    assert picture.shape == (8 + 2 * (64 + 4 + 8), 8 + 3 * (48 + 4 + 8), 3)


def test_heads(script: Script, place: Path, tmp_path: Path) -> None:
    head = place / "head.pth"
    options = ["--data", place / "people", "--count", 2, "--scale", 1, "--output", tmp_path / "heads.png"]
    assert script(main, "--model-path", head, head, *options)[0] == 0
    picture = np.asarray(Image.open(tmp_path / "heads.png"))
    height = (picture.shape[0] - 8) // 3
    # The same head twice: the same heat twice, and not the images themselves.
    images, first, second = (picture[8 + row * height :][:64, 60:] for row in range(3))
    assert np.array_equal(first, second) and not np.array_equal(images, first)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--model-path", "{place}/head.pth"], "name images by --data or --input-folder"),
        (["--model-path", "{place}/none.pth", "--data", "{place}/people"], "{place}/none.pth"),
        (["--model-path", "{place}/head.pth", "--model-name", "mgn", "--data", "{place}/people"], "not 'mgn'"),
        (["--name", "nobody"], "nobody: no such run, and no run of that name below"),
        (["--count", "0"], "--count: must be a whole number from 1 to 100, got '0'"),
    ],
)
def test_bad_input(script: Script, place: Path, options: list[str], sentence: str) -> None:
    words = [option.format(place=place) for option in options]
    status, printed, said = script(main, "--output-path", place, *words)
    assert (status, printed) == (2, "")
    assert said.startswith("error: ") and sentence.format(place=place) in said and said.count("\n") == 1


def test_help(script: Script) -> None:
    status, printed, _ = script(main, "--help")
    assert status == 0 and "python tools/show_activation.py" in printed
