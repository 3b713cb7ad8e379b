"""tools/find_people.py where boxes and frames do not belong together: a crop would show somebody else, or nobody."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.dgnet.video.films import write_film
from tests.tools.evaluation_tool import answer
from tools import find_people

BOX = "5,5,20,40"


def frames(folder: Path, numbers: range, width: int = 64, height: int = 48) -> Path:
    """Images whose red tells their number."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        Image.new("RGB", (width, height), (40 * (number % 6), 0, 0)).save(folder / f"{number:06d}.png")
    return folder


def mot(path: Path, numbers: range, box: str = BOX) -> Path:
    path.write_text("".join(f"{number},1,{box},1,-1,-1,-1\n" for number in numbers))
    return path


def csv(path: Path, numbers: range, corners: str = "5,5,25,45") -> Path:
    path.write_text("frame,x1,y1,x2,y2,track\n" + "".join(f"{number},{corners},1\n" for number in numbers))
    return path


@pytest.fixture
def find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def found(source: Path, boxes: Path, *options: object, to: str = "people") -> tuple[int, str, list[int]]:
        """The status, what was said, and the numbers of the frames that crops are of."""
        words = source, "--boxes", boxes, "--to", tmp_path / to, *options
        status, _, said = answer(find_people, monkeypatch, capsys, *words)
        crops = sorted((tmp_path / to).rglob("*.jpg"))
        return status, said, [round(Image.open(crop).convert("RGB").getpixel((9, 9))[0] / 40) for crop in crops]

    return found


@pytest.mark.parametrize("first", [0, 3, 301])
def test_frames_that_are_numbered_from_another_number_on(first: int, find, tmp_path: Path) -> None:
    """The numbers in the file may be those in the names, or count from 1: the crops were of the latter."""
    folder = frames(tmp_path / "f", range(first, first + 5))
    named, counted = mot(tmp_path / "n.txt", range(first + 1, first + 3)), mot(tmp_path / "c.txt", range(2, 4))
    for boxes in (named, counted):
        status, said, crops = find(folder, boxes)
        assert status == 2 and not crops and mentions_all(said, folder, f"{first:06d}.png", "--first-frame")
    expected = [(first + 1) % 6, (first + 2) % 6]
    assert find(folder, named, "--first-frame", first, "--source-name", "a") == (0, "", expected)
    status, _, both = find(folder, counted, "--first-frame", 1, "--source-name", "b")
    assert status == 0 and both == expected * 2


def test_a_csv_file_that_counts_from_one(find, tmp_path: Path) -> None:
    folder, boxes = frames(tmp_path / "f", range(5)), csv(tmp_path / "b.csv", range(1, 6))
    status, said, crops = find(folder, boxes)
    assert status == 2 and not crops and mentions_all(said, boxes, "frame 0", "--first-frame")
    assert find(folder, boxes, "--first-frame", 1) == (0, "", [0, 1, 2, 3, 4])


def test_a_csv_file_of_a_film_that_counts_from_one(find, tmp_path: Path) -> None:
    """The gallery was written before it was said, and the numbers could not be put right."""
    film, boxes = tmp_path / "film.mkv", csv(tmp_path / "b.csv", range(1, 6))
    write_film(film, [np.full((48, 64, 3), (40 * number, 0, 0), np.uint8) for number in range(5)])
    status, said, crops = find(film, boxes)
    assert status == 2 and not crops and mentions_all(said, boxes, "frame 0", film, "5 frames", "--first-frame")
    assert not (tmp_path / "people").exists()
    assert find(film, boxes, "--first-frame", 1)[::2] == (0, [0, 1, 2, 3, 4])


@pytest.mark.parametrize(("numbers", "asked"), [(range(1, 4), True), (range(4), False), (range(2, 4), False)])
def test_boxes_that_begin_at_one_may_count_from_one(numbers: range, asked: bool, find, tmp_path: Path) -> None:
    folder, boxes = frames(tmp_path / "f", range(5)), csv(tmp_path / "b.csv", numbers)
    status, said, crops = find(folder, boxes)
    assert (status, crops) == (0, list(numbers)) and ("--first-frame 1" in said) == asked
    assert find(folder, boxes, "--first-frame", 0, to="told")[:2] == (0, "")


@pytest.mark.parametrize(("write", "place"), [(csv, "0.1,0.1,0.8,0.9"), (mot, "0.3,0.3,0.5,0.6"), (csv, "0,0,1,1")])
def test_shares_of_the_picture_are_no_pixels(write, place: str, find, tmp_path: Path) -> None:
    """Each person was a crop of one pixel."""
    status, said, crops = find(frames(tmp_path / "f", range(1, 4)), write(tmp_path / "b.txt", range(1, 3), place))
    assert status == 2 and not crops and mentions_all(said, "b.txt", "pixels")


def test_pictures_of_another_size_than_the_sequence_tells(find, tmp_path: Path) -> None:
    frames(tmp_path / "s" / "img1", range(1, 4))
    information = tmp_path / "s" / "seqinfo.ini"
    information.write_text("[Sequence]\nframeRate=10\nimWidth=128\nimHeight=96\n")
    boxes = mot(tmp_path / "b.txt", range(1, 4))
    status, said, crops = find(tmp_path / "s", boxes)
    assert status == 2 and not crops and mentions_all(said, "96x128", "48x64", "000001.png")
    information.write_text("[Sequence]\nframeRate=10\nimWidth=64\nimHeight=48\n")
    assert find(tmp_path / "s", boxes) == (0, "", [1, 2, 3])


def test_frames_of_two_folders_are_not_one_source(find, tmp_path: Path) -> None:
    """Two cameras in one folder became one film, and their people one track."""
    for name, numbers in (("cam1", range(1, 3)), ("cam2", range(3, 5))):
        frames(tmp_path / "f" / name, numbers)
    status, said, crops = find(tmp_path / "f", mot(tmp_path / "b.txt", range(1, 5)))
    assert status == 2 and not crops and mentions_all(said, "cam1", "cam2")


def test_several_sizes_are_said(find, tmp_path: Path) -> None:
    frames(tmp_path / "f", range(1, 3))
    frames(tmp_path / "f", range(3, 5), 32, 24)
    status, said, _ = find(tmp_path / "f", mot(tmp_path / "b.txt", range(1, 5), "5,5,10,10"))
    assert status == 0 and mentions_all(said, "2 sizes", "24x32", "48x64")


@pytest.mark.parametrize(("box", "beyond"), [("30,5,50,45", True), ("5,5,20,40", False), ("-2,5,20,40", False)])
def test_boxes_that_reach_beyond_the_picture_are_said(box: str, beyond: bool, find, tmp_path: Path) -> None:
    """Two corners in the place of a corner and a size, or boxes of larger pictures."""
    status, said, _ = find(frames(tmp_path / "f", range(1, 4)), mot(tmp_path / "b.txt", range(1, 4), box))
    assert status == 0 and ("3 of 3 boxes reach beyond its picture of 64x48 pixels" in said) == beyond


def test_boxes_of_every_second_frame_that_are_numbered_anew_are_said(find, tmp_path: Path) -> None:
    """A detector with a stride wrote 1, 2, 3 for the frames 1, 3, 5: the crops were of others."""
    folder = frames(tmp_path / "f", range(1, 7))
    status, said, crops = find(folder, mot(tmp_path / "b.txt", range(1, 4)))
    assert (status, crops) == (0, [1, 2, 3]) and mentions_all(said, "b.txt", "on frame 3", "6 frames", "passed over")
    assert find(folder, mot(tmp_path / "b.txt", range(1, 7, 2)), to="right")[:2] == (0, "")


def test_boxes_that_lie_on_their_side_are_said(find, tmp_path: Path) -> None:
    status, said, _ = find(frames(tmp_path / "f", range(1, 4)), mot(tmp_path / "b.txt", range(1, 4), "5,5,40,20"))
    assert status == 0 and "3 of 3 boxes are wider than high" in said


def mentions_all(said: str, *words: object) -> bool:
    return all(str(word) in said for word in words)
