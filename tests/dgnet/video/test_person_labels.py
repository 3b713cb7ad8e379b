"""People of films have the numbers of their gallery, and nobody else has them."""

from pathlib import Path

import pytest

from dgnet.data.person_labels import same_person
from dgnet.data.records import JUNK
from dgnet.video.gallery_labels import labels_of

PEOPLE, OTHERS = Path("people/film"), Path("others/film")
NUMBERS = {
    PEOPLE / "000001/00000000.jpg": 1,
    PEOPLE / "000002/00000005.jpg": 1,
    PEOPLE / "000003/00000000.jpg": 3,
    OTHERS / "000001/00000000.jpg": 1,
}


def same(monkeypatch: pytest.MonkeyPatch, query: Path, image: Path, numbers: tuple[int, int] = (JUNK, JUNK)) -> object:
    crops = {file: (person, 1) for file, person in NUMBERS.items()}
    monkeypatch.setattr(
        "dgnet.video.gallery_labels.gallery_labels",
        lambda files: {file: crops[file] for file in files if file in crops},
    )
    return same_person(*labels_of([query, image], numbers, {"anna", "bert"}))


def test_numbers_of_a_gallery_are_not_those_of_file_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Person 1 of a film was framed as the query's person where a photograph was called 0001_c1s1_000451_03.jpg."""
    first, again, other, elsewhere = NUMBERS
    assert same(monkeypatch, first, again) is True
    assert same(monkeypatch, first, other) is False
    assert same(monkeypatch, Path("0001_c1s1_000451_03.jpg"), first, (1, 1)) is None
    assert same(monkeypatch, elsewhere, first) is None


def test_names_come_before_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    query = Path("0007_c1s1_000001_00.png")
    for identity, right in ((7, True), (9, False), (JUNK, None)):
        assert same(monkeypatch, query, Path("gallery/x.png"), (7, identity)) is right
    for folder, right in (("anna", True), ("bert", False), ("carl", None)):
        assert same(monkeypatch, Path("new/anna/9.png"), Path(folder) / "1.png") is right
