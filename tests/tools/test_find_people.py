"""tools/find_people.py from the command line: what it writes and says, and what it refuses without writing anything."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dgnet.video.gallery import read_gallery
from tests.dgnet.video.films import mot_lines, scene, write_film
from tests.messages import mentions
from tests.tools.evaluation_tool import answer
from tools import find_people

FRAMES = 5


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film, its frames in a folder, and files of boxes."""
    place = tmp_path_factory.mktemp("films")
    pictures = [scene(number) for number in range(FRAMES)]
    write_film(place / "walk.mkv", pictures)
    for name, first in (("frames", 1), ("gaps", 3)):
        (place / name).mkdir()
        for number, picture in enumerate(pictures, first):
            Image.fromarray(picture).save(place / name / f"{number if number < 6 else 20 + number}.png")
    Image.fromarray(pictures[0]).save(place / "still.png")
    (place / "notes.mp4").write_text("a text\n")
    (place / "tracks.txt").write_text(mot_lines(FRAMES))
    (place / "boxes.txt").write_text(mot_lines(FRAMES, tracks=False))
    (place / "outside.txt").write_text("1,1,500,2,16,32,1\n")
    (place / "nan.txt").write_text("1,1,nan,2,16,32,1\n")
    (place / "twice.txt").write_text("1,1,5,2,16,32,1\n1,1,6,2,16,32,1\n")
    return place


@pytest.fixture
def run(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def ran(source: str, boxes: str, *options: object) -> tuple[int, str, str]:
        words = place / source, "--boxes", place / boxes, "--to", tmp_path / "people", *options
        return answer(find_people, monkeypatch, capsys, *words)

    return ran


@pytest.mark.parametrize(
    ("source", "boxes", "options", "crops", "tracks"),
    [
        ("walk.mkv", "tracks.txt", (), 2 * FRAMES, 2),
        ("frames", "tracks.txt", (), 2 * FRAMES, 2),
        # A track begins with a person's second box.
        ("walk.mkv", "boxes.txt", (), 2 * FRAMES - 2, 2),
        ("frames", "boxes.txt", ("--frame-rate", 5, "--tracker", "bytetrack"), 2 * FRAMES - 2, 2),
        ("frames", "boxes.txt", ("--tracker", "none"), 2 * FRAMES, 2 * FRAMES),
    ],
)
def test_people_are_found(
    run, tmp_path: Path, source: str, boxes: str, options: tuple, crops: int, tracks: int
) -> None:
    status, printed, said = run(source, boxes, *options)
    assert (status, said) == (0, "")
    rows = list(read_gallery(tmp_path / "people"))
    assert len(rows) == crops and len({row.track for row in rows}) == tracks
    assert f"{crops} crops" in printed and f"{tracks} tracks" in printed
    assert {path.name for path in (tmp_path / "people").iterdir()} == {"people.csv", source.partition(".")[0]}


@pytest.mark.parametrize(
    ("source", "boxes", "options", "named"),
    [
        ("nothing.mp4", "tracks.txt", (), ("nothing.mp4",)),
        ("still.png", "tracks.txt", (), ("still.png", "still picture")),
        ("notes.mp4", "tracks.txt", (), ("notes.mp4",)),
        ("walk.mkv", "nothing.txt", (), ("nothing.txt",)),
        ("walk.mkv", "walk.mkv", (), ("walk.mkv",)),
        ("walk.mkv", "nan.txt", (), ("nan.txt", "line 1", "nan")),
        ("walk.mkv", "twice.txt", (), ("twice.txt", "track", "frame 1")),
        ("walk.mkv", "outside.txt", (), ("walk", "outside", "96x64")),
        ("walk.mkv", "tracks.txt", ("--first-frame", 2), ("--first-frame",)),
        ("walk.mkv", "tracks.txt", ("--frame-rate", 5), ("--frame-rate",)),
        ("walk.mkv", "tracks.txt", ("--source-name", "a/b"), ("--source-name",)),
        ("frames", "boxes.txt", (), ("frames", "--frame-rate")),
        ("gaps", "tracks.txt", (), ("5.png", "26.png")),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(
    run, tmp_path: Path, source: str, boxes: str, options: tuple, named: tuple
) -> None:
    status, _, said = run(source, boxes, *options)
    assert (status, said.count("\n")) == (2, 1)
    assert re.search(mentions(*named), said)
    assert not (tmp_path / "people").exists()


def test_a_stop_says_how_to_go_on(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(find_people.Stop):
        @property
        def code(self) -> int:
            return 2

    with monkeypatch.context() as patch:
        patch.setattr(find_people, "Stop", Interrupted)
        status, _, said = run("walk.mkv", "tracks.txt")
    assert status == 130 and "stopped after 1 frames" in said and said.rstrip().endswith("--resume")
    assert not (tmp_path / "people/people.csv").exists()
    status, _, said = run("walk.mkv", "tracks.txt", "--resume")
    assert status == 0 and len(list(read_gallery(tmp_path / "people"))) == 2 * FRAMES


def test_images_and_films_have_one_order_of_channels(run, tmp_path: Path) -> None:
    run("walk.mkv", "tracks.txt")
    run("frames", "tracks.txt")
    rows = list(read_gallery(tmp_path / "people"))
    film, folder = rows[: 2 * FRAMES], rows[2 * FRAMES :]
    for one, other in zip(film, folder, strict=True):
        assert (one.track, one.frame, one.place) == (other.track, other.frame, other.place)
        assert np.array_equal(Image.open(one.path), Image.open(other.path))
