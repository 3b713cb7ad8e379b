"""tools/search.py in a gallery of films: who is framed as the query's person."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dgnet.models.model_file import save_model
from dgnet.models.registry import build_model
from dgnet.video.gallery import renumbered
from tests.tools.evaluation_tool import answer
from tools import extract, find_people, search

pytestmark = pytest.mark.slow


@pytest.fixture
def framed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """A gallery of two tracks, and what is framed in a search in it: path -> right, wrong or not known."""
    draw = np.random.default_rng(0)
    (tmp_path / "film").mkdir()
    for number in (1, 2):
        Image.fromarray(draw.integers(0, 256, (48, 64, 3), np.uint8)).save(tmp_path / "film" / f"{number}.png")
    boxes = tmp_path / "boxes.txt"
    boxes.write_text("".join(f"{n},{track},{4 + 30 * track},4,20,40,1\n" for n in (1, 2) for track in (0, 1)))
    words = (tmp_path / "film", "--boxes", boxes, "--to", tmp_path / "people")
    assert answer(find_people, monkeypatch, capsys, *words)[0] == 0
    save_model(tmp_path / "model.pth", build_model("resnet18", 3), (1, 2, 3), 64, 32)

    def found(query: Path, gallery: Path) -> dict[str, bool | None]:
        drawn = {}

        def lists(_queries, _ranked, _similarities, right, **_options):
            drawn["right"] = right[0]
            return np.zeros((4, 4, 3), np.uint8)

        monkeypatch.setattr(search, "ranked_lists", lists)
        words = ("--name", tmp_path / "model.pth", "--query", query, "--gallery", gallery, "--overwrite")
        status, printed, said = answer(search, monkeypatch, capsys, *words, "--output", tmp_path / "x.png")
        assert status == 0, said
        paths = [line.split()[-1] for line in printed.splitlines() if line.endswith(".jpg")]
        return {
            path.removeprefix(f"{tmp_path}/people/"): right for path, right in zip(paths, drawn["right"], strict=True)
        }

    return found


def test_numbers_of_a_gallery_are_not_those_of_file_names(framed, tmp_path: Path, monkeypatch, capsys) -> None:
    people = tmp_path / "people"
    crops = sorted(people.rglob("*.jpg"))
    own = framed(crops[0], people)
    first, second = (crop.parent.name for crop in (crops[0], crops[-1]))
    assert set(own.values()) == {True, False}
    assert all(right == (f"/{first}/" in path) for path, right in own.items())
    # A photograph of another data set, whose person 1 is nobody of this film.
    stranger = tmp_path / "0001_c1s1_000451_03.jpg"
    Image.open(crops[0]).save(stranger)
    assert set(framed(stranger, people).values()) == {None}
    # Tracks that are joined after features were extracted.
    words = ("--name", tmp_path / "model.pth", "--output", tmp_path / "people.npz", people)
    assert answer(extract, monkeypatch, capsys, *words)[0] == 0
    renumbered(people, lambda _source, _track: 7)
    assert set(framed(crops[0], tmp_path / "people.npz").values()) == {True}
    assert first != second
