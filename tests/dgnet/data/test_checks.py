"""Every kind of flaw is found, and a sound data set has none."""

import json
from pathlib import Path

import pytest

from dgnet.core.errors import UserError
from dgnet.data.checks import KINDS, check_dataset, check_images
from dgnet.data.datasets import read_dataset
from dgnet.data.description import describe_dataset
from tests.dgnet.data.photographs import MARKET, run_tool, write_image, write_market
from tests.messages import mentions

TOOL = Path(__file__).parents[3] / "tools" / "check_data.py"
SOUND = {**MARKET, "bounding_box_train": MARKET["bounding_box_train"][:-1]}


def found(root: Path) -> list[tuple[str, str]]:
    return [(problem.kind, Path(problem.subject).name) for problem in check_dataset(read_dataset(root)).problems]


def test_a_sound_data_set(tmp_path: Path) -> None:
    report = check_dataset(read_dataset(write_market(tmp_path, SOUND)))
    assert report.problems == ()
    table = {
        count.split: (count.identities, count.images, count.cameras, count.junk, count.distractors)
        for count in report.splits
    }
    assert table == {
        "train": (2, 5, 4, 0, 0),
        "query": (2, 2, 2, 0, 0),
        "gallery": (2, 5, 4, 1, 1),
        "multi_query": (1, 1, 1, 0, 0),
    }
    text = report.as_text()
    assert "no problem found" in text and "Not checked" in text and all(kind in text for kind in KINDS)


def test_each_kind_of_problem(tmp_path: Path) -> None:
    root = write_market(tmp_path, SOUND)
    train, query, gallery = (root / name for name in ("bounding_box_train", "query", "bounding_box_test"))
    truncated = write_image(train / "0002_c4s1_000001_01.jpg", 64, 128)
    truncated.write_bytes(truncated.read_bytes()[:-200])
    write_image(train / "holiday.jpg")
    write_image(train / "0010_c6s3_077467_02.jpg")  # the only image of 10
    write_image(gallery / "0007_c1s3_077419_03.jpg")  # trained on
    write_image(query / "0005_c1s1_000001_00.jpg")  # not in the gallery
    write_image(query / "0006_c2s1_000001_00.jpg")
    write_image(gallery / "0006_c2s1_000002_00.jpg")  # its own camera only
    assert found(root) == [
        ("unreadable image", "0002_c4s1_000001_01.jpg"),
        ("file passed over", "holiday.jpg"),
        ("identity in train and test", "7"),
        ("query without a match", "0005_c1s1_000001_00.jpg"),
        ("query without a match", "0006_c2s1_000001_00.jpg"),
        ("single-image identity", "10"),
    ]
    text = check_dataset(read_dataset(root)).as_text(most=1)
    assert "6 problems" in text and "and 1 more (--all shows them)" in text
    assert all(f"\n{kind}: " in text for kind, _ in found(root))


def test_unknown_cameras_leave_queries_without_a_match(tmp_path: Path) -> None:
    for split, name in (("train", "amy"), ("train", "zoe"), ("query", "bob"), ("gallery", "bob")):
        for number in range(2):
            write_image(tmp_path / split / name / f"{name}_{split}{number}.png")
    problems = check_dataset(read_dataset(tmp_path)).problems
    assert {problem.kind for problem in problems} == {"query without a match"} and len(problems) == 2
    assert "unknown" in problems[0].reason


def test_a_png_file_with_a_wrong_checksum_is_a_problem(tmp_path: Path) -> None:
    for width, name in enumerate(("amy/0.png", "amy/1.png", "bob/0.png", "bob/1.png"), start=8):
        write_image(tmp_path / name, width, 16)
    path = tmp_path / "amy" / "0.png"
    whole = path.read_bytes()
    place = whole.index(b"IEND") - 8
    path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    assert found(tmp_path) == [("unreadable image", "0.png")]
    with pytest.raises(UserError, match=mentions(path, "damaged")):
        check_images(read_dataset(tmp_path).train)


@pytest.mark.parametrize(
    ("folders", "options", "status"),
    [(SOUND, [], 0), (MARKET, ["--json"], 1), ({}, [], 2), (SOUND, ["--layout", "x"], 2)],
)
def test_exit_status_of_the_tool(
    tmp_path: Path,
    folders: dict[str, list[str]],
    options: list[str],
    status: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_market(tmp_path, folders)
    assert run_tool(TOOL, [tmp_path, *options], monkeypatch) == status
    printed = capsys.readouterr()
    if status == 2:
        assert printed.err.startswith("error: ") and len(printed.err.splitlines()) == 1 and not printed.out
    elif "--json" in options:
        assert [problem["kind"] for problem in json.loads(printed.out)["problems"]] == ["single-image identity"]
    else:
        assert "train" in printed.out and not printed.err  # no progress bar into a file


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_images_that_cannot_be_read_are_counted_and_the_first_is_named(tmp_path: Path, suffix: str) -> None:
    names = [f"000{number}_c1s1_000001_00.{suffix}" for number in (1, 2, 3)]
    dataset = read_dataset(write_market(tmp_path, {**SOUND, "bounding_box_test": names}))
    check_images([*dataset.query, *dataset.gallery])
    for name in names[1:]:
        # The head is whole, and so is the beginning of the pixels.
        bad = write_image(tmp_path / "bounding_box_test" / name, 64, 128)
        bad.write_bytes(bad.read_bytes()[:-40])
    with pytest.raises(UserError, match=mentions(str(tmp_path / "bounding_box_test" / names[1]), 2, 5)):
        check_images([*dataset.query, *dataset.gallery])
    with pytest.raises(UserError, match=f"^{tmp_path}.*{names[2]}: not a readable image"):
        check_images(dataset.gallery[2:])


def test_one_training_identity_spoils_a_run(tmp_path: Path) -> None:
    for number in range(3):
        write_image(tmp_path / "7" / f"{number}.png")
    assert found(tmp_path) == [("single training identity", tmp_path.name)]


@pytest.mark.parametrize(("lost", "missing"), [("query", "query"), ("bounding_box_test", "gallery")])
def test_half_of_a_test_is_a_problem(lost: str, missing: str, tmp_path: Path) -> None:
    root = write_market(tmp_path, {name: files for name, files in SOUND.items() if name not in (lost, "gt_bbox")})
    (root / lost).symlink_to(root / "nowhere")
    problems = check_dataset(read_dataset(root)).problems
    assert [problem.reason.endswith(f"the split {missing} is not") for problem in problems][:1] == [True]


def test_cameras_known_in_part_are_a_problem(tmp_path: Path) -> None:
    """In truth one camera: taken for two, every query would have a match."""
    root = write_market(tmp_path, SOUND)
    (tmp_path / "list.csv").write_text(
        "path,identity,camera,split\n"
        + "".join(f"bounding_box_train/{name},{name[:4]},1,train\n" for name in SOUND["bounding_box_train"])
        + "".join(f"query/{name},{name[:4]},,query\n" for name in SOUND["query"])
        + "".join(f"bounding_box_test/{name},{name[:4]},1,gallery\n" for name in SOUND["bounding_box_test"][2:])
    )
    dataset = read_dataset(root / "list.csv")
    problems = [(problem.kind, problem.subject) for problem in check_dataset(dataset).problems]
    assert problems == [("cameras known in part", "1"), ("cameras known in part", "3")]
    assert "cameras are known in part of 2 test identities" in describe_dataset(dataset)


def test_people_in_training_and_test_are_said_at_the_start_of_a_training(tmp_path: Path) -> None:
    root = write_market(tmp_path, SOUND)
    assert "in test" not in describe_dataset(read_dataset(root))
    for name in ("0007_c1s3_077419_03.jpg", "0000_c1s3_077419_03.jpg", "-1_c1s3_077419_03.jpg"):
        write_image(root / "bounding_box_test" / name)
    assert "1 identities (7 is the first) are in training and in test" in describe_dataset(read_dataset(root))


def test_a_description_counts_what_was_passed_over_and_says_why(tmp_path: Path) -> None:
    train = write_market(tmp_path, SOUND) / "bounding_box_train"
    for name in ("0002_c1s1_000001_00.gif", "0002_c1s1_000002_00.gif", "0000_c1s1_000001_00.jpg", "Thumbs.db"):
        (train / name).touch()
    lines = describe_dataset(read_dataset(tmp_path)).splitlines()
    assert lines[0] == f"market1501 at {tmp_path}" and lines[2].split() == ["train", "2", "5", "4", "0", "0"]
    assert lines[6:] == [
        "passed over: 2 (the first is bounding_box_train/0002_c1s1_000001_00.gif): no image by its ending '.gif'",
        "passed over: 1 (bounding_box_train/0000_c1s1_000001_00.jpg): junk (-1) and distractors (0) have no place in "
        "the train split",
    ]


@pytest.mark.parametrize(("layout", "below"), [("market1501", ""), ("dgnet", "pytorch"), ("msmt17", "")])
def test_folders_of_images_beside_a_layout_are_said(layout: str, below: str, tmp_path: Path) -> None:
    """Market-1501 was tested without the 500,000 distractors beside it, and not a word about them."""
    if layout == "market1501":
        write_market(tmp_path, SOUND)
        write_image(tmp_path / "pytorch" / "train_all" / "2" / "0002_c1s1_000451_03.png")  # the same images again
    elif layout == "dgnet":
        for folder in ("train", "train_all"):
            write_image(tmp_path / below / folder / "2" / "0002_c1s1_000451_03.png")
    else:
        write_image(tmp_path / "train" / "0000" / "0000_000_01_0303morning_0015_0.jpg")
        (tmp_path / "test").mkdir()
        (tmp_path / "list_train.txt").write_text("0000/0000_000_01_0303morning_0015_0.jpg 0\n")
    assert not read_dataset(tmp_path, layout).skipped
    write_image(tmp_path / below / "distractors" / "1.png")
    write_image(tmp_path / below / "mask_train_v2" / "0000" / "1.png")
    (tmp_path / below / "notes").mkdir()
    (tmp_path / below / "notes" / "a.txt").touch()
    skipped = read_dataset(tmp_path, layout).skipped
    assert [path.name for path, _ in skipped] == ["distractors", "mask_train_v2"]
    assert all("a folder of images, and only" in reason for _, reason in skipped)


def test_a_test_split_alone_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """What the accuracy tools measure can be checked; that nothing can be trained on it is said."""
    root = write_market(tmp_path, {name: MARKET[name] for name in ("query", "bounding_box_test")})
    (root / "query" / "0001_c1s1_001051_00.jpg").write_bytes(b"no image")
    assert run_tool(TOOL, [root], monkeypatch) == 1
    printed = capsys.readouterr().out
    assert "no training image: 1" in printed and "unreadable image: 1" in printed and "2 problems" in printed


@pytest.mark.parametrize("columns", ["source,track", "source", "track"])
def test_tracks_of_films_are_no_people(columns: str, tmp_path: Path) -> None:
    """A gallery of tools/find_people.py was trained on and tested as if each track were a person."""
    rows = [f"path,identity,camera,{columns}"]
    for track, (identity, name) in enumerate([(1, "a"), (1, "b"), (2, "c"), (3, "d")]):
        write_image(tmp_path / f"{name}.png")
        rows.append(f"{name}.png,{identity},1,{','.join(['hall', str(track)][: 1 + columns.count(',')])}")
    (tmp_path / "people.csv").write_text("\n".join(rows))
    dataset = read_dataset(tmp_path)
    kinds = [problem.kind for problem in check_dataset(dataset).problems]
    counted, both = describe_dataset(dataset).count("of 4 tracks of films"), columns == "source,track"
    assert (counted, kinds.count("identities of tracks")) == (both, both)
