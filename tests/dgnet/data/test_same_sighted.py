"""People of films have the numbers of their gallery, and nobody else has them."""

from pathlib import Path

from dgnet.data.same_person import same_sighted


def test_numbers_of_a_gallery_are_not_those_of_file_names() -> None:
    """Person 1 of a film was framed as the query's person where a photograph was called 0001_c1s1_000451_03.jpg."""
    first, again, other = (
        Path(f"people/film/{track:06d}/{frame:08d}.jpg") for track, frame in ((1, 0), (2, 5), (3, 0))
    )
    elsewhere, stranger = Path("others/film/000001/00000000.jpg"), Path("0001_c1s1_000451_03.jpg")
    identities = {first: 1, again: 1, other: 3, elsewhere: 1}
    assert same_sighted(first, again, identities) is True
    assert same_sighted(first, other, identities) is False
    assert same_sighted(stranger, first, identities) is None
    assert same_sighted(elsewhere, first, identities) is None
