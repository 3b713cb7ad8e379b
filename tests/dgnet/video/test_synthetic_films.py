"""A written set of films: the pictures decode, the truth is read back, and a set appears whole or not at all."""

from pathlib import Path

import numpy as np
import pytest

from dgnet.core.errors import UserError
from dgnet.data.pedestrians.film.frames import FilmScenes
from dgnet.data.pedestrians.film.spec import FilmSpec
from dgnet.video.box_files import read_boxes
from dgnet.video.film import Film
from dgnet.video.synthetic_films import LEAST_COUNTED, films_of, write_films

SPEC = FilmSpec(seed=4, people=4, cameras=1, seconds=1.5, frame_rate=4.0, height=96, width=160)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sets") / "films"
    write_films(root, SPEC)
    return root


@pytest.mark.slow
def test_the_film_shows_the_scene_at_its_times(root: Path) -> None:
    film = Film(films_of(root)[0].film)
    decoded = list(film.frames())
    drawn = [frame.picture for frame in FilmScenes(SPEC).frames(1)]
    assert [frame.time for frame in decoded] == pytest.approx([number / 4 for number in range(6)], abs=1e-3)
    assert film.remarks() == [] and len(decoded) == len(drawn)
    for number in (0, 5):
        difference = next(f for f in Film(film.place).frames() if f.index == number).read().astype(int) - drawn[number]
        assert np.abs(difference).mean() < 6  # of 255


@pytest.mark.slow
def test_the_truth_is_read_back(root: Path) -> None:
    table = read_boxes(films_of(root)[0].truth)
    assert table.tracked and table.first_frame == 1
    for number, frame in enumerate(FilmScenes(SPEC).frames(1)):
        counted = frame.visible >= LEAST_COUNTED
        assert table.of(number).tracks.tolist() == frame.people[counted].tolist()
        assert np.array_equal(table.of(number).places, frame.places[counted])
    assert not read_boxes(films_of(root)[0].boxes).tracked


@pytest.mark.slow
def test_the_same_set_stays_and_another_is_refused(root: Path, tmp_path: Path) -> None:
    content = films_of(root)[0].film.read_bytes()
    write_films(root, SPEC)
    assert films_of(root)[0].film.read_bytes() == content
    write_films(tmp_path / "again", SPEC)
    assert films_of(tmp_path / "again")[0].film.read_bytes() == content
    with pytest.raises(UserError, match="holds others"):
        write_films(root, FilmSpec(seed=5))
    (tmp_path / "full").mkdir()
    (tmp_path / "full/notes.txt").write_text("x")
    with pytest.raises(UserError, match=r"films\.json"):
        write_films(tmp_path / "full", SPEC)


def test_a_failure_leaves_nothing(tmp_path: Path) -> None:
    def fail() -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        write_films(tmp_path / "films", SPEC, progress=fail)
    assert list(tmp_path.iterdir()) == []
