"""Numbers in the tables of a gallery that no film gives: refused with file, line and value."""

from pathlib import Path

import numpy as np
import pytest

from dgnet.core.errors import UserError
from dgnet.video.gallery import BOXES, COLUMNS, TABLE, TIMES, is_gallery, read_gallery, write_table
from dgnet.video.tracks import pooled_tracks
from tests.messages import mentions


def row(frame: int, time: object, track: int = 1, source: str = "walk") -> dict[str, object]:
    path = f"{source}/{track:06d}/{frame:08d}.jpg"
    values = (path, track, 1, source, track, frame, time, 0, 0, 20, 40, "", 1)
    return dict(zip(COLUMNS, values, strict=True))


def gallery(folder: Path, *rows: dict[str, object]) -> Path:
    folder.mkdir(exist_ok=True)
    write_table(folder, rows)
    assert is_gallery(folder)
    return folder


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("quality", "nan"),
        ("quality", "1.5"),
        ("time", "nan"),
        ("time", "inf"),
        ("time", "-inf"),
        ("time", "-0.5"),
        ("left", "inf"),
    ],
)
def test_numbers_that_no_gallery_has(column: str, value: str, tmp_path: Path) -> None:
    """Features weighted by them were none, or turned around; people were seen before the film began."""
    place = gallery(tmp_path / "people", row(0, 0), row(1, 0.1), row(2, 0.2) | {column: value}, row(3, 0.3))
    with pytest.raises(UserError, match=mentions(TABLE, "line 4", value)):
        list(read_gallery(place))


@pytest.mark.parametrize(
    ("frames", "times", "line"),
    [
        ((0, 1, 2), (0, 0.2, 0.1), 4),
        ((2, 1, 0), (0.1, 0.2, 0), 3),
        ((0, 5, 5), (0, 0.2, 0.3), 4),
        ((0, 5, 3), (0, 0.2, 0.3), 4),
    ],
)
def test_times_that_are_not_in_the_order_of_frames(frames: tuple, times: tuple, line: int, tmp_path: Path) -> None:
    """Also between two tracks: frame 5 is at one time."""
    rows = [row(frame, time, track=number) for number, (frame, time) in enumerate(zip(frames, times, strict=True), 1)]
    with pytest.raises(UserError, match=mentions(TABLE, f"line {line}", f"{times[line - 2]:g} s")):
        list(read_gallery(gallery(tmp_path / "people", *rows)))


def test_times_that_are_in_order_are_read(tmp_path: Path) -> None:
    """In any order of rows; each source has a clock of its own, some frames have no time, and some times come twice."""
    rows = [row(3, 0.3), row(1, 0.1), row(2, ""), row(0, 0.1, track=2), row(3, 0.3, track=2), row(1, 9, source="hall")]
    times = [crop.time for crop in read_gallery(gallery(tmp_path / "people", *rows))]
    assert times == [0.3, 0.1, None, 0.1, 0.3, 9]


@pytest.mark.parametrize(("wrong", "line"), [("-1", 2), ("nan", 2), ("inf", 2), ("0.5", 3), ("x", 2)])
def test_times_of_frames_that_cannot_be(wrong: str, line: int, tmp_path: Path) -> None:
    place = gallery(tmp_path / "people", row(0, 0), row(2, 0.2))
    (place / "walk").mkdir()
    (place / "walk" / BOXES).write_text("1,1,0,0,20,40,1,-1,-1,-1\n3,1,0,0,20,40,1,-1,-1,-1\n")
    (place / "walk" / TIMES).write_text("0\n0.1\n0.2\n")
    assert pooled_tracks(place, lambda paths: np.ones((len(paths), 4)))[0].end == 0.2
    (place / "walk" / TIMES).write_text(f"0\n{wrong}\n0.2\n")
    with pytest.raises(UserError, match=mentions(TIMES, f"line {line}", "0.2" if line == 3 else wrong)):
        pooled_tracks(place, lambda paths: np.ones((len(paths), 4)))
