"""tools/search.py in a gallery of tools/find_people.py: the tracks, their times, the page; and what it refuses."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dgnet import pooled_tracks
from dgnet.core.calibration import Calibration, Threshold, calibration_file, write_calibration
from dgnet.core.checkpoint import file_hash
from dgnet.data.pedestrians import appearance_of, render, structure_of
from dgnet.models.model_file import save_model
from dgnet.models.registry import build_model
from dgnet.video.box_files import mot_line
from dgnet.video.gallery import BOXES, COLUMNS, read_gallery, write_table
from eval import rank_tracks
from eval.reid.embedding_model import preprocessing_of
from eval.report.report import read_report
from reid_heads.load import load_model
from tests.eval.report.pages import Page, foreign_loads
from tests.messages import mentions
from tests.tools.evaluation_tool import answer
from tools import evaluate_reid, extract, search

pytestmark = pytest.mark.slow

# (source, camera, track): person and first frame. The source "yard" has no clock.
TRACKS = {("hall", 1, 1): (1, 0), ("hall", 1, 2): (2, 4), ("door", 2, 1): (3, 2), ("yard", 3, 5): (2, 10)}
Answer = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery, two models and a photograph."""
    place = tmp_path_factory.mktemp("search")
    rows = []
    for (source, camera, track), (person, first) in TRACKS.items():
        for frame in range(first, first + 4):
            path = f"{source}/{track:06d}/{frame:08d}.jpg"
            (place / "people" / path).parent.mkdir(parents=True, exist_ok=True)
            # People who are far away: narrower than any photograph may be.
            crop = render(appearance_of(0, person), structure_of(0, person, camera, frame), 24, 12).image
            Image.fromarray(crop).save(place / "people" / path)
            time = "" if source == "yard" else frame / 2
            size = 12 + (frame == first + 2)  # the third is the largest
            values = (
                path,
                10 * track + camera,
                camera,
                source,
                track,
                frame,
                time,
                0,
                0,
                size,
                24,
                0.9,
                0.25 * (frame - first) + 0.25,
            )
            rows.append(dict(zip(COLUMNS, values, strict=True)))
    write_table(place / "people", rows)
    for source, _, track in TRACKS:
        with open(place / "people" / source / BOXES, "a") as file:
            file.writelines(
                mot_line(row["frame"], track, np.array([0.0, 0, 12, 24]), 0.9)
                for row in rows
                if (row["source"], row["track"]) == (source, track)
            )
    for number in (1, 2):
        save_model(place / f"model{number}.pth", build_model("resnet18", 3), (1, 2, 3), 64, 48)
    Image.fromarray(render(appearance_of(0, 2), structure_of(0, 2, 4, 0), 64, 32).image).save(place / "photo.png")
    return place


@pytest.fixture
def answers(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Answer:
    def answered(*options: object) -> tuple[int, str, str]:
        usual: dict[str, object] = {"--name": place / "model1.pth", "--device": "cpu", "--query": place / "photo.png"}
        usual |= {"--gallery": place / "people", "--output": tmp_path / "found.png"}
        words = (*(word for pair in usual.items() if pair[0] not in options for word in pair), *options)
        return answer(search, monkeypatch, capsys, *words)

    return answered


def by_hand(place: Path, query: Path) -> list[tuple[float, str, int]]:
    """(similarity, source, track): the mean of unit features by quality, the most similar first."""
    model = load_model(str(place / "model1.pth"))
    asked = np.asarray(model.embed([query]), np.float64)[0]
    sums: dict[tuple[str, int], np.ndarray] = {}
    for row in read_gallery(place / "people"):
        feature = np.asarray(model.embed([row.path]), np.float64)[0]
        key = row.source, row.track
        sums[key] = sums.get(key, 0) + row.quality * feature / np.linalg.norm(feature)
    cosines = {key: total @ asked / np.linalg.norm(total) / np.linalg.norm(asked) for key, total in sums.items()}
    return sorted(((float(value), *key) for key, value in cosines.items()), reverse=True)


def listed(printed: str) -> list[tuple[float, str, int]]:
    rows = re.findall(r"^ +\d+  (-?[\d.]+) .*camera \d+ \((\w+)\), .*, track (\d+),", printed, re.MULTILINE)
    return [(float(value), source, int(track)) for value, source, track in rows]


def test_tracks_are_ranked_as_by_hand_and_shown(place: Path, answers: Answer, tmp_path: Path) -> None:
    status, printed, said = answers()
    assert (status, said) == (0, "")
    rows, right = listed(printed), by_hand(place, place / "photo.png")
    assert [row[1:] for row in rows] == [row[1:] for row in right]
    assert [row[0] for row in rows] == pytest.approx([row[0] for row in right], abs=1e-4)
    for words in ("camera 1 (hall), 0:00.0 to 0:01.5, track 1, person 11", "camera 3 (yard), frame 10 to 13, track 5"):
        assert words in printed
    # The crop of which most is seen stands for a track.
    assert f"{place}/people/hall/000001/00000003.jpg" in printed
    assert "has no calibration" in printed and "--calibrate" in printed
    page = Page((tmp_path / "found.html").read_text(encoding="utf-8"))
    assert foreign_loads(page) == []
    assert [heading.text for heading in page.root.all("h3")] == [
        "Camera 1 (hall)", "Camera 2 (door)", "Camera 3 (yard)",
    ]  # fmt: skip
    assert "no calibration" in page.root.text and len(page.root.all("img")) == 1 + 2 * len(TRACKS)
    assert Image.open(tmp_path / "found.png").width > 200
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    status, _, said = answers()
    assert status == 2 and "found.png already exists" in said
    (tmp_path / "found.png").unlink()
    status, _, said = answers()
    assert status == 2 and "found.html already exists" in said
    assert not (tmp_path / "found.png").exists() and (tmp_path / "found.html").read_bytes() == before["found.html"]


def test_in_three_lines_of_python(place: Path) -> None:
    model = load_model(place / "model1.pth")
    tracks = pooled_tracks(str(place / "people"), model.embed)
    (ranking,) = rank_tracks(model.embed([place / "photo.png"]), tracks)
    right = by_hand(place, place / "photo.png")
    assert [(found.track.source, found.track.track) for found in ranking] == [row[1:] for row in right]
    assert [found.similarity for found in ranking] == pytest.approx([row[0] for row in right], abs=1e-5)


def test_verdicts_by_the_calibration(place: Path, answers: Answer, tmp_path: Path) -> None:
    weights = place / "model1.pth"
    right = by_hand(place, place / "photo.png")
    middle = (right[1][0] + right[2][0]) / 2
    threshold = Threshold(0.001, middle, middle, middle, 0.5)
    prepared = preprocessing_of(load_model(str(weights)))
    write_calibration(weights, Calibration(file_hash(weights), prepared, "shop", "pairs", (threshold,), {}))
    try:
        status, printed, said = answers("--top", 3)
        assert (status, said) == (0, "")
        verdicts = ["not the" not in line for line in printed.splitlines() if "same person  " in line]
        assert verdicts == [True, True, False]
        assert "single images" in printed and "not known to be of shop" in printed
        page = (tmp_path / "found.html").read_text(encoding="utf-8")
        assert "Called the same person: 2 of them" in page and "single images" in page
        status, printed, _ = answers("--top", 1, "--overwrite")
        assert status == 0 and "1 further tracks are called the same person: --top 2 lists them" in printed
        status, _, said = answers("--false-positive-rate", 0.1, "--overwrite")
        assert (status, said.count("\n")) == (2, 1) and "0.1" in said
    finally:
        calibration_file(weights).unlink()


def test_a_query_of_a_whole_scene_is_told(place: Path, answers: Answer, tmp_path: Path) -> None:
    for width, warned in ((96, False), (98, True)):  # the model's images are 64x48
        Image.new("RGB", (width, 64)).save(tmp_path / "scene.png")
        status, _, said = answers("--query", tmp_path / "scene.png", "--overwrite")
        assert (status, "scene.png is 98x64" in said) == (0, warned)


def test_a_crop_of_the_gallery_is_told(place: Path, answers: Answer) -> None:
    own = place / "people/door/000001/00000003.jpg"
    Image.open(own).resize((32, 64)).save(own)  # a query has 16 pixels at least
    status, printed, _ = answers("--query", own)
    assert status == 0 and listed(printed)[0][1:] == ("door", 1)
    assert printed.splitlines()[1].endswith("the query is one of its crops")


def test_features_in_a_file(
    place: Path, answers: Answer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2):
        words = ("--name", place / f"model{number}.pth", "--device", "cpu", "--output", tmp_path / f"{number}.npz")
        assert answer(extract, monkeypatch, capsys, *words, place / "people")[0] == 0
    _, direct, _ = answers()
    status, printed, said = answers("--gallery", tmp_path / "1.npz", "--overwrite")
    assert (status, said, listed(printed)) == (0, "", listed(direct))
    (tmp_path / "found.png").unlink()
    (tmp_path / "found.html").unlink()
    words = ("--name", place / "model1.pth", "--output", tmp_path / "few.npz", place / "people/hall")
    assert answer(extract, monkeypatch, capsys, *words)[0] == 0
    for file, named in (("2.npz", ("2.npz", "weights", "extract again")), ("few.npz", ("few.npz", "extract again"))):
        status, _, said = answers("--gallery", tmp_path / file)
        assert (status, said.count("\n")) == (2, 1) and re.search(mentions(*named), said)
    status, _, said = answers("--index", tmp_path / "index.npz")
    assert (status, said.count("\n")) == (2, 1) and "--index" in said
    assert not {"found.png", "found.html", "index.npz"} & {path.name for path in tmp_path.iterdir()}


def test_a_damaged_gallery_is_one_sentence(place: Path, answers: Answer, tmp_path: Path) -> None:
    table = place / "people/people.csv"
    whole = table.read_text()
    try:
        head, first, *rest = whole.splitlines()
        columns, cells = head.split(","), first.split(",")
        wrong = {
            "track": ("-5", "1_5", "1.0"),
            "frame": ("-5", "", "1" * 19),
            "identity": ("-2", "nan"),
            "camera": ("1_0",),
        }
        damaged = [
            (
                "\n".join([head, ",".join([*cells[: (at := columns.index(name))], cell, *cells[at + 1 :]]), *rest]),
                "line 2",
            )
            for name, values in wrong.items()
            for cell in values
        ]
        for text, named in ((head + "\n", "no rows"), (whole[:-12], "line 17"), *damaged):
            table.write_text(text)
            status, _, said = answers()
            assert (status, said.count("\n")) == (2, 1) and re.search(mentions("people.csv", named), said)
    finally:
        table.write_text(whole)
    assert not list(tmp_path.iterdir())


def test_a_test_on_a_gallery_says_that_its_identities_are_tracks(place: Path, tmp_path, monkeypatch, capsys) -> None:
    words = ("--name", place / "model1.pth", "--data", place / "people", "--leave-one-out", "--without-cameras")
    status, _, said = answer(evaluate_reid, monkeypatch, capsys, *words, "--device", "cpu", "--report", tmp_path / "r")
    assert status == 0 and said.count("of 4 tracks of films") == 1
    assert "of 4 tracks of films" in read_report(tmp_path / "r" / "report.json").not_measured["accuracy on people"]
