"""The page of ranked tracks: crops stand where their times are, and the page says the same in words."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dgnet.video.tracks import Track
from eval.report.page import Tile, document
from eval.tracks.page import ends_of, ranking_section
from eval.tracks.ranking import RankedTrack
from tests.eval.report.pages import Element, Page, foreign_loads

IMAGE = torch.zeros(3, 128, 64, dtype=torch.uint8)


@pytest.fixture(autouse=True)
def crop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (64, 128)).save("a.png")


def track(
    rank: int, begin: float, end: float, *, camera: int = 1, same: bool = False, timed: bool = True
) -> RankedTrack:
    verdict = "same person" if same else "not the same person"
    times = (float(begin), float(end)) if timed else (None, None)
    seen = Track(f"film<{camera}>", 10 + rank, camera, 20 + rank, np.ones(1), frozenset({int(begin), int(end)}),
                 int(begin), int(end), *times, Path("a.png"))  # fmt: skip
    return RankedTrack(rank, 1 - rank / 10, seen, verdict, same)


def page_of(tracks: list[RankedTrack], ends: dict[tuple[int, str], float], more: int = 0) -> Page:
    page = Page(document("t", [ranking_section("query", Tile(IMAGE, "the query"), tracks, 9, ends, more)]))
    assert foreign_loads(page) == []
    return page


def of_class(page: Page, name: str, kind: str) -> list[Element]:
    return [element for element in page.root.all(kind) if element.attributes.get("class") == name]


def test_a_line_for_each_camera_with_one_scale() -> None:
    tracks = [track(1, 10, 30, same=True), track(2, 0, 5, camera=2), track(3, 60, 90)]
    page = page_of(tracks, {(1, "film<1>"): 100.0, (2, "film<2>"): 50.0, (3, "film<3>"): 70.0}, more=4)
    assert [heading.text for heading in page.root.all("h3")] == ["Camera 1 (film<1>)", "Camera 2 (film<2>)"]
    bars = [{name: float(bar.attributes[name]) for name in ("x", "width")} for bar in page.root.all("rect")]
    # Ten seconds are as long everywhere: bars of 20, 30 and 5 seconds at 10, 60 and 0.
    second = bars[0]["width"] / 20
    assert bars[1]["width"] == pytest.approx(30 * second, abs=0.2) and bars[2]["width"] == pytest.approx(
        5 * second, abs=0.2
    )
    assert bars[1]["x"] - bars[0]["x"] == pytest.approx(50 * second, abs=0.2)
    assert bars[2]["x"] == pytest.approx(bars[0]["x"] - 10 * second, abs=0.2)
    text = page.root.text
    assert "The 3 most similar of the 9 tracks" in text and "None of them is by camera 3 (film<3>)" in text
    assert "Called the same person: 1 of them (✓); 4 further ones are, too." in text
    rows = [[cell.text for cell in row.children] for row in page.root.all("tbody")[0].all("tr")]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert rows[0][2:] == ["0.9000", "same person", "0:10.0 to 0:30.0", "1", "film<1>", "11", "21"]
    # Marked without colors too, and told to those who see no pictures.
    assert [label.text for label in of_class(page, "marked", "text")] == ["1: 0.90 ✓"]
    assert all("similarity" in image.attributes["alt"] for image in page.root.all("img")[1:])


def test_frames_where_there_is_no_clock() -> None:
    page = page_of([track(1, 10, 30, timed=False)], {(1, "film<1>"): 400.0})
    assert "frame 10 to 30" in page.root.text and "from 0 to frame 400" in page.text
    assert [text.text for text in page.root.all("text")][:3] == ["0", "50", "100"]


def test_ends_of_cameras() -> None:
    tracks = [found.track for found in (track(1, 10, 30), track(2, 0, 5), track(3, 7, 9, camera=2, timed=False))]
    assert ends_of(tracks) == {(1, "film<1>"): 30, (2, "film<2>"): 9}
