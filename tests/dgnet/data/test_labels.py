"""Labels that contradict each other: what is refused, and what is said at the start of trainings and tests."""

from pathlib import Path

import pytest

from dgnet.core.errors import UserError
from dgnet.data.checks import check_dataset
from dgnet.data.datasets import read_dataset
from dgnet.data.description import describe_dataset
from dgnet.data.query_gallery import SplitRule
from tests.dgnet.data.photographs import write_image
from tests.messages import mentions
from tests.reid_heads.training.small_run import train


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ann", "ann"), ("Ann Lee", "ann  lee"), ("person_A", "Person_a"), ("12", "\uff11\uff12"), ("p 1", "P\u00a01")],
)
@pytest.mark.parametrize("listed", [False, True])
def test_names_that_differ_in_case_and_spaces_alone_are_refused(
    one: str, other: str, listed: bool, tmp_path: Path
) -> None:
    """A spreadsheet's "Ann" and "ann" were two people, and a test missed its matches."""
    names = (one, other, "bob")
    for name in names:
        write_image(tmp_path / "people" / name / "1.png")
    root = tmp_path / "people"
    if listed:
        root = tmp_path / "list.csv"
        root.write_text("path,identity\n" + "".join(f"people/{name}/1.png,{name}\n" for name in names))
    with pytest.raises(UserError, match=mentions(repr(one), repr(other))):
        read_dataset(root)


def test_other_names_are_other_people(tmp_path: Path) -> None:
    for name in ("ann1", "ann01", "Strauss", "Strau\u00df", "Ann-Lee", "AnnLee", "Jose", "Jos\u00e9"):
        write_image(tmp_path / name / "1.png")
    assert len(read_dataset(tmp_path).identities) == 8


def shifted(place: Path, by: int) -> Path:
    """A list whose identities moved down by so many rows."""
    names = [f"000{person}_c{camera}s1_00000{camera}_00.png" for person in (1, 2, 3) for camera in (1, 2)]
    for name in names:
        write_image(place / name)
    identities = [int(name[:4]) for name in names]
    rows = zip(names, identities[-by:] + identities[:-by], strict=True)
    (place / "list.csv").write_text("path,identity\n" + "".join(f"{name},{identity}\n" for name, identity in rows))
    return place / "list.csv"


def test_a_list_whose_labels_moved_by_a_row_is_said(tmp_path: Path) -> None:
    """The file names tell other people."""
    dataset = read_dataset(shifted(tmp_path, 1))
    assert "3 identities hold images that are of several people by their names (identity 1: 0001_c2" in (
        describe_dataset(dataset)
    )
    problems = [problem for problem in check_dataset(dataset).problems if problem.kind == "names of several people"]
    assert [problem.subject for problem in problems] == ["1", "2", "3"]
    sound = read_dataset(shifted(tmp_path, 6))
    assert "by their names" not in describe_dataset(sound) and not check_dataset(sound).problems[3:]


def test_folders_that_hold_two_people_by_their_files_are_said(tmp_path: Path) -> None:
    for folder, person in (("a", 1), ("a", 1), ("b", 2), ("b", 3)):
        write_image(tmp_path / folder / f"000{person}_c1s1_00000{person}_00.png")
    assert "1 identities hold images" in describe_dataset(read_dataset(tmp_path))


def test_a_training_and_a_test_say_that_an_image_is_of_two_people(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A person who was copied under another number was trained on as two, without a word."""
    for split in ("train", "query", "gallery"):
        for person in ("1", "2") if split == "train" else ("8", "9"):
            for camera in (1, 2):
                write_image(tmp_path / split / person / f"{person}{split}{camera}_{camera}.png", 48, 64)
    rows = [(path, path.parent.name, path.stem[-1], path.parents[1].name) for path in sorted(tmp_path.rglob("*.png"))]
    lines = [",".join(map(str, row)) + "\n" for row in rows]
    for split, person, copied in (("train", "1", "7"), ("gallery", "8", "6")):
        for number, path in enumerate(sorted((tmp_path / split / person).iterdir())):
            copy = tmp_path / split / copied / f"copy{number}.png"
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(path.read_bytes())
            lines.append(f"{copy},{copied},{path.stem[-1]},{split}\n")
    (tmp_path / "list.csv").write_text("path,identity,camera,split\n" + "".join(lines))
    dataset = read_dataset(tmp_path / "list.csv")
    SplitRule().of(dataset)
    assert "2 images are copies of images of another identity" in caplog.text and "copy0.png" in caplog.text
    assert sum(problem.kind == "one image of two people" for problem in check_dataset(dataset).problems) == 4
    train(tmp_path, dataset)
    assert "4 images are copies of images of another identity" in (tmp_path / "run/log.txt").read_text()


@pytest.mark.parametrize("listed", [False, True])
def test_a_person_who_is_an_identity_by_each_camera_is_said(listed: bool, tmp_path: Path) -> None:
    """A folder for each person and camera: a training told each person from himself, without a word."""
    root, names = tmp_path / "people", ("0001_c1", "0001_c2", "0002_c1", "Ann-cam 1", "Ann-cam 2", "bob_t1_c1", "c3")
    for name in names:
        write_image(root / name / "1.png")
    if listed:
        root = tmp_path / "list.csv"
        root.write_text("path,identity\n" + "".join(f"people/{name}/1.png,{name}\n" for name in names))
    dataset = read_dataset(root)
    assert "4 identities are 2 people by each camera or track" in describe_dataset(dataset)
    assert "(0001_c1 and 0001_c2)" in describe_dataset(dataset)
    assert [problem.kind for problem in check_dataset(dataset).problems].count("identities of tracks") == 1
