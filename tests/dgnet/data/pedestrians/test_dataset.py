"""Sets of built-in pedestrians: all files or none, the truth of every swap, colors that give nobody away."""

import dataclasses
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dgnet.core.errors import UserError, command
from dgnet.data.pedestrians import SyntheticSpec, SyntheticTruth, appearance_of, render, structure_of, write_dataset
from dgnet.data.pedestrians.spec import pictures
from tests.messages import mentions
from tools import make_synthetic

ROOT = Path(__file__).resolve().parents[4]
SMALL = SyntheticSpec(train_identities=3, test_identities=3, images_per_identity=4, cameras=2, distractors=2, junk=2)
NAME = re.compile(r"(-1|\d{4})_c(\d)s\d_\d{6}_\d{2}\.png")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pedestrians") / "set"
    write_dataset(root, SMALL, processes=1)
    return root


def _pixels(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.array(image)


def _tree(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_the_layout_is_market(small: Path) -> None:
    assert {entry.name for entry in small.iterdir()} == {
        "bounding_box_train",
        "query",
        "bounding_box_test",
        "synthetic.json",
    }
    names = {folder: [p.name for p in (small / folder).iterdir()] for folder in ("bounding_box_train", "query")}
    names["gallery"] = [path.name for path in (small / "bounding_box_test").iterdir()]
    counted = {
        folder: Counter(match[1] for name in found if (match := NAME.fullmatch(name)))
        for folder, found in names.items()
    }
    assert counted["bounding_box_train"] == {"0001": 4, "0002": 4, "0003": 4}
    assert counted["query"] == {"0004": 2, "0005": 2, "0006": 2}
    assert counted["gallery"] == {"0004": 2, "0005": 2, "0006": 2, "0000": 2, "-1": 2}
    assert sum(map(len, names.values())) == sum(sum(counter.values()) for counter in counted.values())


@pytest.mark.parametrize(("images", "cameras"), [(12, 6), (7, 6), (6, 6), (4, 6), (3, 2), (2, 2), (20, 12)])
def test_every_query_has_a_match_by_another_camera(images: int, cameras: int) -> None:
    spec = dataclasses.replace(SMALL, images_per_identity=images, cameras=cameras)
    everything = list(pictures(spec))
    assert len({picture.path for picture in everything}) == len(everything) == 6 * images + 4
    for query in (picture for picture in everything if picture.path.startswith("query")):
        assert any(
            other.identity == query.identity and other.camera != query.camera and "test/" in other.path
            for other in everything
        )
    asked = {(p.identity, p.camera) for p in everything if p.path.startswith("query")}
    assert len(asked) == len([p for p in everything if p.path.startswith("query")]) >= 3


@pytest.mark.slow
def test_a_file_is_its_factors_rendered_and_its_own_swap(small: Path) -> None:
    truth = SyntheticTruth.open(small)
    for path in truth.pictures:
        pixels = _pixels(small / path)
        assert pixels.shape == (128, 64, 3)
        assert np.array_equal(pixels, truth.rendered(small / path).image)
        assert np.array_equal(pixels, truth.swap(small / path, Path(path)).image)


def test_a_swap_takes_clothes_from_one_and_all_else_from_the_other(small: Path) -> None:
    truth = SyntheticTruth.open(small)
    one, two = sorted((small / "bounding_box_train").glob("0001*"))[0], sorted((small / "query").glob("0005*"))[0]
    swapped = truth.swap(one, two)
    factors = truth.pictures[two.relative_to(small).as_posix()]
    structure = structure_of(0, 5, factors.camera, factors.index, cameras=2)
    expected = render(appearance_of(0, 1), structure)
    assert np.array_equal(swapped.image, expected.image) and np.array_equal(swapped.person, expected.person)
    outside = (swapped.person == 0) & (truth.rendered(two).person == 0)
    assert np.array_equal(swapped.image[outside], _pixels(two)[outside])
    assert not np.array_equal(swapped.image, _pixels(two))


@pytest.mark.slow
@pytest.mark.large
def test_two_processes_started_by_code_typed_into_an_interpreter_write_the_same(tmp_path: Path, small: Path) -> None:
    fields = ", ".join(f"{name}={value}" for name, value in dataclasses.asdict(SMALL).items())
    code = "from pathlib import Path\nfrom dgnet.data.pedestrians import *\n"
    code += f"write_dataset(Path('set'), SyntheticSpec({fields}), 2)\n"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable], input=code, text=True, cwd=tmp_path, env=environment, check=True)
    assert _tree(tmp_path / "set") == _tree(small)


@pytest.mark.slow
@pytest.mark.large
def test_a_process_that_cannot_write_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dgnet.data.pedestrians.dataset.TRAIN", "elsewhere")  # its folder is not made
    with pytest.raises(UserError, match="could not be written"):
        write_dataset(tmp_path / "set", SMALL, processes=2)
    assert list(tmp_path.iterdir()) == []


def test_a_complete_set_is_left_alone(small: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in small.rglob("*")}
    write_dataset(small, SMALL)
    assert {path: path.stat().st_mtime_ns for path in small.rglob("*")} == before


@pytest.mark.slow
def test_other_cameras_change_the_pictures_but_not_the_clothes(small: Path, tmp_path: Path) -> None:
    write_dataset(tmp_path / "set", dataclasses.replace(SMALL, camera_seed=1), processes=1)
    here, there = _tree(small), _tree(tmp_path / "set")
    assert here.keys() == there.keys()
    assert all(here[name] != there[name] for name in here)
    first, second = SyntheticTruth.open(small), SyntheticTruth.open(tmp_path / "set")
    name = sorted(first.pictures)[0]
    assert first.pictures[name].factors(first.spec)[0] == second.pictures[name].factors(second.spec)[0]


def test_foreign_folders_are_refused_and_kept(small: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="holds other files"):
        write_dataset(tmp_path / "mine", SMALL)
    assert _tree(tmp_path / "mine") == {"thesis.txt": b"years of work"}
    with pytest.raises(UserError, match=r"seed 0 \(asked: 9\)"):
        write_dataset(small, dataclasses.replace(SMALL, seed=9))
    with pytest.raises(UserError, match="got the file"):
        write_dataset(tmp_path / "mine" / "thesis.txt", SMALL)


@pytest.mark.slow
def test_a_set_that_lost_images_is_refused(small: Path, tmp_path: Path) -> None:
    write_dataset(tmp_path / "set", SMALL, processes=1)
    next((tmp_path / "set" / "query").iterdir()).unlink()
    with pytest.raises(UserError, match=mentions("images", 1)):
        write_dataset(tmp_path / "set", SMALL)


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder in which nobody can write")
@pytest.mark.parametrize("given", ["pedestrians", "new/pedestrians", "/proc/pedestrians"])
def test_a_place_that_cannot_be_written_is_named_as_it_was_given(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/proc")
    with pytest.raises(UserError, match=f"^{given}: cannot be created"):
        write_dataset(Path(given), SMALL)


@pytest.mark.slow
def test_an_empty_folder_is_filled(tmp_path: Path, small: Path) -> None:
    (tmp_path / "set").mkdir()
    write_dataset(tmp_path / "set", SMALL, processes=1)
    assert _tree(tmp_path / "set") == _tree(small)
    assert [entry.name for entry in tmp_path.iterdir()] == ["set"]


@pytest.mark.slow
def test_a_killed_run_leaves_nothing_and_the_next_completes(tmp_path: Path) -> None:
    many = f"SyntheticSpec(train_identities={SMALL.train_identities}, test_identities=3000, images_per_identity=2)"
    code = f"from pathlib import Path; from dgnet.data.pedestrians import *; write_dataset(Path('set'), {many}, 1)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path, env=environment) as process:
        deadline = time.monotonic() + 300
        while not any(tmp_path.rglob("*.png")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.kill()
    assert any(tmp_path.rglob("*.png")), "the run was to be killed while it wrote"
    assert not (tmp_path / "set").exists()
    write_dataset(tmp_path / "set", SMALL, processes=1)
    assert [entry.name for entry in tmp_path.iterdir()] == ["set"], "what the killed run left is swept up"


def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path / "set", SMALL, processes=1, progress=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "has no synthetic.json"),
        ("{", "got other text"),
        ('{"format": 1}', mentions(3, 1)),
        ("[]", "got 'list'"),
        ('{"format": 3, "spec": {"color": 1}, "files": {}}', "got something else"),
    ],
)
def test_truth_needs_a_manifest(tmp_path: Path, content: str | None, sentence: str) -> None:
    if content is not None:
        (tmp_path / "synthetic.json").write_text(content)
    with pytest.raises(UserError, match=sentence):
        SyntheticTruth.open(tmp_path)


def test_truth_knows_only_its_own_images(small: Path) -> None:
    with pytest.raises(UserError, match="must be one of the 28"):
        SyntheticTruth.open(small).rendered(small / "query" / "0099_c1s1_000001_00.png")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cameras", 1),
        ("images_per_identity", 1),
        ("seed", -1),
        ("height", 4),
        ("width", 10**5),
        ("test_identities", 9999),
    ],
)
def test_impossible_sets_are_refused(tmp_path: Path, name: str, value: int) -> None:
    with pytest.raises(UserError, match=str(name)):
        write_dataset(tmp_path / "set", dataclasses.replace(SMALL, **{name: value}))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_tool_says_what_it_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tool = str(ROOT / "tools" / "make_synthetic.py")
    words = ["set", "--sheet", "sheet.png"]
    words += ["--train-identities", "2", "--test-identities", "1", "--images-per-identity", "2", "--height", "64"]
    words += ["--width", "32", "--distractors", "1", "--junk", "0"]
    done = subprocess.run([sys.executable, tool, *words], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "2 identities with 4 images to train; 1 to test with 1 queries, 2 in the gallery" in done.stdout
    assert json.loads((tmp_path / "set" / "synthetic.json").read_text())["spec"]["height"] == 64
    assert _pixels(tmp_path / "sheet.png").shape == (6 * 64, 12 * 32, 3)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [tool, *words])
    with pytest.raises(SystemExit) as left:
        command(make_synthetic.main)
    assert left.value.code == 2 and "sheet.png exists" in capsys.readouterr().err


def test_the_tool_refuses_what_nothing_can_be_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for option, value, least in (
        ("--train-identities", 0, 2),
        ("--train-identities", 1, 2),
        ("--test-identities", -1, 0),
        ("--images-per-identity", 1, 2),
        ("--cameras", 1, 2),
        ("--height", 15, 16),
        ("--width", 7, 8),
        ("--junk", -1, 0),
    ):
        monkeypatch.setattr(sys, "argv", ["make_synthetic.py", str(tmp_path / "set"), f"{option}={value}"])
        with pytest.raises(SystemExit) as left:
            command(make_synthetic.main)
        assert left.value.code == 2
        # One camera is enough for films, so not the option refuses it but the image set.
        said = capsys.readouterr().err
        assert re.search(rf"{option.removeprefix('--')}:? must be a whole number of at least {least}\b.* got", said), (
            said
        )
    assert not list(tmp_path.iterdir())


def _rank_one(features: NDArray[np.floating], identities: list[int], cameras: list[int]) -> float:
    """The share of images whose nearest neighbor by another camera is of the same identity."""
    likeness = features @ features.T
    likeness[np.equal.outer(cameras, cameras)] = -1
    return float(np.mean([identities[best] == own for best, own in zip(likeness.argmax(1), identities, strict=True)]))


def _histogram(pixels: NDArray[np.uint8]) -> NDArray[np.floating]:
    """Square roots of an 8 x 8 x 8 histogram of RGB: their dot product is the Bhattacharyya coefficient."""
    counts = np.histogramdd(pixels.reshape(-1, 3), bins=8, range=[(0, 256)] * 3)[0].ravel()
    return np.sqrt(counts / counts.sum())


@pytest.mark.slow
def test_colors_alone_do_not_tell_who_it_is() -> None:
    """Neither of the whole image nor of the person cut out, though both beat chance (2.5%) by far."""
    whole, inside, identities, cameras = [], [], [], []
    for identity in range(1, 41):
        for camera in range(1, 5):
            rendered = render(appearance_of(0, identity), structure_of(0, identity, camera, 0))
            whole.append(_histogram(rendered.image))
            inside.append(_histogram(rendered.image[rendered.person == 1]))
            identities.append(identity)
            cameras.append(camera)
    assert 0.05 < _rank_one(np.array(whole), identities, cameras) < 0.4
    assert 0.05 < _rank_one(np.array(inside), identities, cameras) < 0.75


def test_an_image_that_was_rendered_is_kept_and_cannot_be_changed(small: Path) -> None:
    path = sorted((small / "query").glob("0005*"))[0]
    first, again = (SyntheticTruth.open(small).rendered(path) for _ in range(2))
    assert first is again and not first.image.flags.writeable and not first.person.flags.writeable
