"""Every script of visual/: its picture, its defaults, its help, and what it refuses."""

import importlib
import io
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.visual.small_run import PICTURES, Script, looks_like_stored, write_run

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(path.stem for path in (ROOT / "visual").glob("show*.py"))
# Script -> options that keep its picture small, what it writes, and the pictures that are stored of it.
DRAWS = {
    "show_swap": (["--count", 2, "--scale", 1], ["swap_00000030.png"]),
    "show_rainbow": (["--count", 3, "--people", 1, "--scale", 1], ["rainbow_00000030.png"]),
    "show_smooth": (["--pairs", 1, "--steps", 3, "--scale", 1], ["smooth_00000030.png", "smooth_00000030.gif"]),
    "show_smooth_structure": (
        ["--pairs", 1, "--steps", 3, "--scale", 1, "--film", "none"],
        ["smooth_structure_00000030.png"],
    ),
    "show1by1": (["--count", 2, "--scale", 1], ["1by1_00000030.png"]),
    "show_spaces": (["--people", 4, "--images", 3], ["spaces_00000030.png"]),
    "show_training": (["--film", "none"], ["training_00000030.png"]),
}


def main_of(script: str):
    return importlib.import_module(f"visual.{script}").main


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where outputs/ holds a run, and pictures of its training."""
    place = tmp_path_factory.mktemp("pages")
    images = write_run(place) / "images"
    images.mkdir()
    for iteration in (10, 20, 30):
        Image.new("RGB", (70, 40), (8 * iteration, 90, 160)).save(images / f"{iteration:08d}.png")
    return place


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Script:
    return Script(monkeypatch, capsys)


def test_every_script_is_drawn_here() -> None:
    assert set(DRAWS) == set(SCRIPTS)


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_picture_of_the_latest_run_and_the_data_at_hand(script: Script, place: Path, name: str) -> None:
    options, files = DRAWS[name]
    status, printed, said = script(main_of(name), "--output-path", place, *options)
    assert status == 0, said
    written = [Path(line) for line in printed.splitlines()]
    folder = place / "outputs/small/pictures"
    assert written[: len(files)] == [folder / file for file in files]
    assert all(path.is_file() for path in written)
    looks_like_stored(written[0].read_bytes(), f"{name}.png")
    # Again: the same, to the last byte, so that nothing needs to be overwritten.
    before = {path: path.stat().st_mtime_ns for path in written}
    assert script(main_of(name), "--output-path", place, *options) == (0, printed, "")
    assert {path: path.stat().st_mtime_ns for path in written} == before


@pytest.mark.parametrize(("name", "kind"), [("x.jpg", "JPEG"), ("x.webp", "WEBP"), ("x", "PNG"), ("x.PNG", "PNG")])
def test_the_ending_is_the_format(script: Script, place: Path, tmp_path: Path, name: str, kind: str) -> None:
    words = "--output-path", place, "--count", 2, "--scale", 1, "--output", tmp_path / name
    status, printed, said = script(main_of("show_swap"), *words)
    assert status == 0, said
    (path,) = map(Path, printed.splitlines())
    assert path.stem == "x" and Image.open(path).format == kind


def test_a_film_and_its_sheet_have_their_own_endings(script: Script, place: Path, tmp_path: Path) -> None:
    words = "--output-path", place, "--count", 1, "--steps", 2, "--scale", 1, "--output"
    for given, sheet in (("x.gif", "x.png"), ("y.jpg", "y.jpg")):
        status, printed, said = script(main_of("show_smooth"), *words, tmp_path / given)
        assert status == 0, said
        assert [Path(line).name for line in printed.splitlines()] == [sheet, f"{given[0]}.gif"]
    status, printed, said = script(main_of("show_swap"), "--output", tmp_path / "x.gif")
    assert (status, printed) == (2, "") and "must end in .png, .jpg, .jpeg, .webp, .pdf" in said


def test_more_identities_than_there_are(script: Script, place: Path, tmp_path: Path) -> None:
    words = "--output-path", place, "--images", 2, "--output", tmp_path / "x.png", "--identities"
    status, printed, said = script(main_of("show_spaces"), *words, 9999)
    assert status == 0 and printed == f"{tmp_path / 'x.png'}\n"
    assert said == "8 identities are shown, 9999 were asked for: there are no more\n"


def test_another_picture_is_not_overwritten_unless_told(script: Script, place: Path, tmp_path: Path) -> None:
    target = tmp_path / "swaps.png"
    draw = main_of("show_swap"), "--output-path", place, "--output", target, "--count", 2
    assert script(*draw)[0] == 0
    before = target.read_bytes()
    status, _, said = script(*draw, "--seed", 1)
    assert (status, target.read_bytes()) == (2, before)
    assert said == f"error: {target} already exists and differs; give --overwrite or another --output\n"
    assert script(*draw, "--seed", 1, "--overwrite")[0] == 0
    assert target.read_bytes() != before
    assert [path.name for path in tmp_path.iterdir()] == ["swaps.png"]


def test_the_comparison_with_stored_pictures_can_fail() -> None:
    stored = Image.open(PICTURES / "show_swap.png").convert("RGB")
    enlarged = stored.resize((stored.width * 4, stored.height * 4), Image.Resampling.NEAREST)

    def content(picture: Image.Image) -> bytes:
        target = io.BytesIO()
        picture.save(target, "PNG")
        return target.getvalue()

    looks_like_stored(content(enlarged), "show_swap.png")
    for wrong in (enlarged.transpose(Image.Transpose.FLIP_LEFT_RIGHT), enlarged.point(lambda value: value * 0.9)):
        with pytest.raises(AssertionError):
            looks_like_stored(content(wrong), "show_swap.png")
    with pytest.raises(AssertionError):
        looks_like_stored(content(enlarged.crop((0, 0, 40, 40))), "show_swap.png")


@pytest.mark.parametrize("name", SCRIPTS)
def test_help(script: Script, name: str) -> None:
    status, printed, _ = script(main_of(name), "--help")
    assert status == 0
    assert f"python visual/{name}.py\n" in printed
    assert "default: " in printed and "--overwrite" in printed


def test_from_a_shell_without_any_argument(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "outputs/small/checkpoints", tmp_path / "outputs/small/checkpoints")
    done = subprocess.run(
        [sys.executable, ROOT / "visual/show1by1.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert (done.returncode, done.stderr) == (0, "")
    singles = [Path(line) for line in done.stdout.splitlines()[1:]]
    assert len(singles) == 6
    assert all(Image.open(tmp_path / single).size == (48, 64) for single in singles)


def test_no_picture_is_written_among_the_images_that_are_shown(script: Script, place: Path, tmp_path: Path) -> None:
    """The next picture would show it as a person."""
    people = shutil.copytree(place / "people/query", tmp_path / "people")
    images = sorted(people.iterdir())
    words = ("--output-path", place, "--input-folder", people)
    status, _, said = script(main_of("show_swap"), *words, "--output", people / "swaps.png")
    assert status == 2 and f"{people}/swaps.png: lies in {people}, whose images are read" in said
    assert sorted(people.iterdir()) == images


def test_named_images_stand_where_they_were_named(script: Script, place: Path, tmp_path: Path) -> None:
    people = sorted((place / "people/query").iterdir())[:3]
    options = "--appearances", *people[:1], "--structures", *people[1:], "--scale", 1, "--output", tmp_path / "named"
    assert script(main_of("show_swap"), "--output-path", place, *options)[0] == 0
    picture = np.asarray(Image.open(tmp_path / "named.png"))
    # A row of one appearance, two structures: the same images through a folder give others in another order.
    assert picture.shape[0] < picture.shape[1]
    folder = tmp_path / "folder"
    folder.mkdir()
    for path in people:
        shutil.copy(path, folder)
    status, printed, said = script(
        main_of("show_swap"), "--output-path", place, "--input-folder", folder, "--output", tmp_path / "all.png"
    )
    assert status == 0, said
    assert Path(printed.strip()) == tmp_path / "all.png"


REFUSED = [
    ("show_swap", ["--name", "nobody"], "nobody: no such run, and no run of that name below"),
    ("show_training", ["--name", "nobody"], "nobody: no such run, and no run of that name below"),
    ("show_swap", ["--iteration", 7], "no checkpoint of iteration 7"),
    ("show_swap", ["--count", 0], "--count: must be a whole number from 1 to 100, got '0'"),
    ("show_swap", ["--scale", 0], "--scale: must be a whole number from 1 to 16, got '0'"),
    ("show_swap", ["--scale", 100000], "--scale: must be a whole number from 1 to 16, got '100000'"),
    (
        "show_swap",
        ["--device", "tpu"],
        "the device must be auto, cpu, cuda or cuda:NUMBER (cuda:0 is the first GPU), got 'tpu'",
    ),
    ("show_swap", ["--data", "/nowhere"], "/nowhere: no such folder"),
    ("show_swap", ["--input-folder", "/nowhere"], "/nowhere: no such folder of images"),
    ("show_swap", ["--appearances", "{bad}/broken.png"], "{bad}/broken.png: not a readable image"),
    ("show_swap", ["--appearances", "{bad}/missing.png"], "{bad}/missing.png: no such file"),
    ("show_swap", ["--structures", "{bad}/pixel.png"], "pixel.png: 16 to 4096 pixels on each side are allowed"),
    ("show_swap", ["--appearances", "{bad}/huge.png"], "this has 10000x10000"),
    ("show_swap", ["--input-folder", "{bad}/empty"], "no image in it"),
    ("show_rainbow", ["--people", 0], "--identities: must be a whole number from 1 to 100, got '0'"),
    ("show1by1", ["--columns", 0], "--columns: must be a whole number from 1 to 100, got '0'"),
    ("show_smooth", ["--steps", 1], "at least 2 steps"),
    ("show_smooth", ["--steps", 100_000_000], "--steps: must be a whole number from 1 to 256, got '100000000'"),
    ("show_swap", ["--output", "{bad}"], "must be a file, it is a folder"),
    ("show_smooth", ["--pairs", 0], "--count: must be a whole number from 1 to 100"),
    ("show_smooth", ["--fps", 0], "--fps: must be a number greater than 0 and at most 50, got '0'"),
    ("show_smooth", ["--appearances", "{good}"], "--appearances must be pairs of images"),
    ("show_smooth_structure", ["--structures", "{good}", "{good}", "{good}"], "--structures must be pairs"),
    (
        "show_smooth",
        ["--appearances", "{good}", "{good}", "--structures", "{good}", "{good}"],
        "one image for each",
    ),
    ("show_spaces", ["--people", 0], "--identities: must be a whole number of at least 1"),
    ("show_spaces", ["--people", 1, "--images", 2], "at least 3 images, got 2"),
    ("show_training", ["--count", 0], "--count: must be a whole number from 1 to 100, got '0'"),
]


@pytest.mark.parametrize(("name", "options", "sentence"), REFUSED)
def test_bad_input_is_one_sentence(
    script: Script, place: Path, tmp_path: Path, name: str, options: list[object], sentence: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    Image.new("RGB", (1, 1)).save(tmp_path / "pixel.png")
    if "{bad}/huge.png" in options:
        Image.new("1", (10_000, 10_000)).save(tmp_path / "huge.png")
    good = sorted((place / "people/query").iterdir())[0]
    words = [str(option).format(bad=tmp_path, good=good) for option in options]
    target = tmp_path / "picture.png"
    output = [] if "--output" in words else ["--output", target]
    status, printed, said = script(main_of(name), "--output-path", place, *output, *words)
    assert (status, printed) == (2, ""), said
    assert said.startswith("error: ") and said.count("\n") == 1
    assert sentence.format(bad=tmp_path) in said
    assert not target.exists() and not target.with_suffix(".gif").exists()


def test_without_a_run_or_its_data(script: Script, place: Path, tmp_path: Path) -> None:
    status, _, said = script(main_of("show_swap"), "--output-path", tmp_path)
    assert status == 2 and f"{tmp_path}/outputs holds no trained generator" in said
    shutil.copytree(place / "outputs", tmp_path / "outputs")
    status, _, said = script(main_of("show_swap"), "--output-path", tmp_path, "--data", tmp_path)
    assert status == 2 and f"{tmp_path}: no data set here" in said


def test_a_read_only_folder(script: Script, place: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    status, _, said = script(main_of("show_swap"), "--output-path", place, "--output", tmp_path / "file/swap.png")
    assert status == 2 and said.startswith("error: ") and said.count("\n") == 1
