"""Generated images of any program: manifests, CSV files, names, and what cannot be read."""

from pathlib import Path

import pytest

from dgnet.core.errors import UserError
from dgnet.core.images import image_files
from dgnet.data.readers.generated import GeneratedRecord, read_generated
from dgnet.data.readers.manifest import read_manifest
from tests.messages import mentions


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    return folder


def test_a_manifest_comes_before_names(tmp_path: Path) -> None:
    touch(tmp_path, "b.png", "7_a.png", "unlisted.png")
    text = "path,structure_identity,appearance_identity,score\nb.png,5,3,0.5\n7_a.png,,9,1\n"
    (tmp_path / "manifest.csv").write_text(text)
    expected = (GeneratedRecord(tmp_path / "7_a.png", 9, None), GeneratedRecord(tmp_path / "b.png", 3, 5))
    assert read_generated(tmp_path) == read_generated(tmp_path / "manifest.csv") == expected


def test_any_csv_with_an_identity(tmp_path: Path) -> None:
    touch(tmp_path, "set/x.jpg", "set/y.jpg")
    (tmp_path / "mine.csv").write_text("identity,path\n12,set/x.jpg\n,set/y.jpg\n")
    assert [record.appearance for record in read_generated(tmp_path / "mine.csv")] == [12, None]


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    for content in (b"\xff\xfe\x00", b"path,identity\n\0,1\n"):
        (tmp_path / "mine.csv").write_bytes(content)
        for read in (read_generated, read_manifest):
            with pytest.raises(UserError, match=mentions("text", "mine.csv")):
                read(tmp_path / "mine.csv")


def test_names_and_folders_tell_the_identity(tmp_path: Path) -> None:
    touch(tmp_path, "0002_c1s1_000451_03.jpg", "17/x.PNG", "nobody.jpg", "notes.txt", "._3.jpg")
    found = {record.path.name: record.appearance for record in read_generated(tmp_path)}
    assert found == {"0002_c1s1_000451_03.jpg": 2, "x.PNG": 17, "nobody.jpg": None}


def test_linked_folders_are_read_and_what_systems_leave_is_not(tmp_path: Path) -> None:
    """Two of eight images were read, and nothing said so."""
    elsewhere = touch(tmp_path / "elsewhere", *(f"{number}.webp" for number in range(2, 8)))
    folder = touch(tmp_path / "set", "1/0.png", "1/1.png", "1/@eaDir/0.png/thumb.jpg", "__MACOSX/1/._0.png")
    (folder / "2").symlink_to(elsewhere)
    (folder / "1" / "again").symlink_to(folder)  # a circle
    assert [record.path.name for record in read_generated(folder)] == [f"{n}.png" for n in (0, 1)] + [
        f"{n}.webp" for n in range(2, 8)
    ]
    assert len(image_files(folder)) == 8


def test_a_quote_that_is_not_closed(tmp_path: Path) -> None:
    touch(tmp_path, "x.png")
    (tmp_path / "made.csv").write_text('path,identity\n"x.png,1\n' + "y" * 200_000)
    with pytest.raises(UserError, match=mentions("made.csv", "line 2", "quote")):
        read_generated(tmp_path / "made.csv")
    (tmp_path / "made.csv").write_text("path;identity\nx.png;1\n")
    with pytest.raises(UserError, match=mentions("made.csv", "commas", "semicolons")):
        read_generated(tmp_path / "made.csv")


def test_a_pattern_of_ones_own(tmp_path: Path) -> None:
    touch(tmp_path, "a12_on_s7.png", "other.png")
    pattern = r"a(?P<appearance>\d+)_on_s(?P<structure>\d+)"
    assert [(record.appearance, record.structure) for record in read_generated(tmp_path, pattern)] == [
        (12, 7),
        (None, None),
    ]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("path,camera\nx.png,1\n", mentions("name", "columns", "appearance_identity")),
        ("path,identity\ngone.png,1\n", mentions(2, "'gone.png'")),
        ("path,identity\nx.png,one\n", mentions(2, "'one'")),
        ("path,identity\n", "no generated image in it"),
        ("", "it names none"),
    ],
)
def test_a_csv_that_cannot_be_read(tmp_path: Path, rows: str, words: str) -> None:
    touch(tmp_path, "x.png")
    (tmp_path / "made.csv").write_text(rows)
    with pytest.raises(UserError, match=words):
        read_generated(tmp_path / "made.csv")


@pytest.mark.parametrize(
    ("pattern", "words"),
    [("(", "is no regular expression"), (r"\d+", "must name groups"), (r"(?P<who>\d+)", "must name groups")],
)
def test_a_pattern_that_says_nothing(tmp_path: Path, pattern: str, words: str) -> None:
    touch(tmp_path, "1.png")
    with pytest.raises(UserError, match=words):
        read_generated(tmp_path, pattern)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="looked for a folder of images or a .csv file"):
        read_generated(tmp_path / "none")
    with pytest.raises(UserError, match="no generated image in it"):
        read_generated(tmp_path)
