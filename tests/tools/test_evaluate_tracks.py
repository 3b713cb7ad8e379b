"""tools/evaluate_tracks.py on two tiny films, and what it refuses."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from dgnet.core.errors import UserError
from dgnet.data.pedestrians.film.spec import FilmSpec
from dgnet.video.synthetic_films import write_films
from tests.tools.evaluation_tool import answer
from tools import evaluate_tracks
from tools.benchmarks.kept_outcomes import KeptOutcomes
from tools.benchmarks.track_experiment import Outcome, _without_identities
from tools.benchmarks.track_table import print_table

SPEC = FilmSpec(seed=2, people=4, cameras=2, seconds=5.0, frame_rate=4.0, height=96, width=160)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sets") / "films"
    write_films(root, SPEC)
    return root


def mean_colors(files: Sequence[Path]) -> np.ndarray:
    """A model that sees the colors of nine stripes."""
    return np.stack(
        [np.asarray(Image.open(file).resize((1, 9)), np.float32).ravel() - np.float32(128) for file in files]
    )


def mean_colors_of_crops(crops: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack(
        [np.asarray(Image.fromarray(crop).resize((1, 9)), np.float32).ravel() - np.float32(128) for crop in crops]
    )


@pytest.mark.slow
def test_the_table_of_a_set(films: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    model = SimpleNamespace(name="stripes", embed=mean_colors, embed_crops=mean_colors_of_crops)
    monkeypatch.setattr(evaluate_tracks, "load_model", lambda name, device: model)
    options = ("--films", films, "--name", "stripes", "--threshold", "0.8", "1", "--track-score", "0.5")
    status, printed, said = answer(evaluate_tracks, monkeypatch, capsys, *options)
    assert (status, said) == (0, "")
    lines = printed.splitlines()
    rows = {
        kind: [line.split()[-5:] for line in lines if line.startswith(kind)] for kind in ("motion", "joined from 1")
    }
    assert len(rows["motion"]) == 2  # true boxes, boxes with errors
    assert rows["joined from 1"] == rows["motion"]  # no two tracks are that similar
    true, with_errors = (np.array(row, float) for row in rows["motion"])
    assert 50 < true[0] <= 100 and true[2] > with_errors[2]
    assert sum(line.startswith("joined from 0.8") for line in lines) == 2
    assert sum(line.startswith("linked and joined from 0.8") for line in lines) == 2
    assert sum(line.startswith("found at rank 1") for line in lines) == 2 * 3  # by motion, and from two thresholds


@pytest.mark.slow
def test_a_stopped_evaluation_goes_on_and_models_are_compared(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    write_films(other, replace(SPEC, seed=3))
    model = SimpleNamespace(name="stripes", embed=mean_colors, embed_crops=mean_colors_of_crops)
    monkeypatch.setattr(evaluate_tracks, "load_model", lambda name, device: model)
    evaluated, real = [], evaluate_tracks.evaluate_films

    def evaluate(sets, *rest):
        if len(evaluated) == 2:
            raise KeyboardInterrupt
        evaluated.append(sets[0].film.parent)
        return real(sets, *rest)

    monkeypatch.setattr(evaluate_tracks, "evaluate_films", evaluate)
    kept = tmp_path / "kept.json"
    options = ("--films", films, other, "--threshold", "0.8", "--track-score", "0.5", "--output", kept)
    status, first, said = answer(evaluate_tracks, monkeypatch, capsys, *options, "--name", "a", "b")
    assert status == 130 and "true boxes, set 2 of 2 measured" in said and "left" in said
    evaluated.clear()
    status, printed, _ = answer(evaluate_tracks, monkeypatch, capsys, *options, "--name", "a", "b")
    assert status == 0 and evaluated == [films, other]  # with errors; those of true boxes were kept
    assert "true boxes, 2 sets" in first and first.strip() in printed
    # The two are the same model.
    rows = [[line[3:] for line in printed.splitlines() if line.startswith(f"{name}, ")] for name in "AB"]
    assert rows[0] == rows[1] and len(rows[0]) == 4
    changes = [line for line in printed.splitlines() if line.startswith("  B - A")]
    assert len(changes) == 4 and all("+0.0 (+0.0 to +0.0)" in line for line in changes)
    status, _, said = answer(evaluate_tracks, monkeypatch, capsys, *options, "--name", "a", "b", "--gap", "2")
    assert (status, said.count("\n")) == (2, 1) and "gap: 1.0 there, 2.0 now" in said
    with monkeypatch.context() as patch:
        patch.setattr(evaluate_tracks, "RULE", 3)
        status, _, said = answer(evaluate_tracks, monkeypatch, capsys, *options, "--name", "a", "b")
    assert (status, said.count("\n")) == (2, 1) and "linking_rule: 2 there, 3 now" in said
    kept.write_text("[]")
    status, _, said = answer(evaluate_tracks, monkeypatch, capsys, *options, "--name", "a", "b")
    assert (status, said.count("\n")) == (2, 1) and "kept.json" in said


def test_models_are_compared_set_by_set(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = []
    for base, right in ((70.0, 4), (80.0, 6)):
        scores = {"HOTA": 50.0, "MOTA": 90.0, "switches": 3.0, "IDF1 over cameras": 60.0}
        rows = {"motion alone": 60.0, "A, linked": base, "B, linked": base + 5}
        found = {"A, linked": (right, 10), "B, linked": (right + 2, 10)}
        outcomes.append(Outcome({name: scores | {"IDF1": value} for name, value in rows.items()}, found))
    print_table(outcomes, "AB")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:8] for line in lines if line.startswith("  B - A")] == [
        ["B", "-", "A", "+5.0", "(+5.0", "to", "+5.0)", "+0.0"],
        ["B", "-", "A:", "+20.0", "(+20.0", "to", "+20.0)"],
    ]
    assert any(line.startswith("found at rank 1, B, linked: 14 of 20 queries, 70.0 %") for line in lines)


def test_a_file_of_tracks_is_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gt.txt").write_text("".join(f"{frame},1,10,20,30,60,1,1,1\n" for frame in range(1, 5)))
    tracks = "".join(f"{frame},{5 + frame // 3},10,20,30,60,0.9,-1,-1,-1\n" for frame in range(1, 5))
    (tmp_path / "tracks.txt").write_text(tracks)
    options = ("--truth", tmp_path / "gt.txt", "--tracks", tmp_path / "tracks.txt")
    status, printed, said = answer(evaluate_tracks, monkeypatch, capsys, *options)
    assert (status, said) == (0, "")
    assert "IDF1 50.0" in printed and "MOTA 75.0" in printed and "1 identity switches, 4 true boxes" in printed


@pytest.mark.slow
def test_a_set_counts_once(films: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The same set twice made intervals of no width."""
    status, _, said = answer(evaluate_tracks, monkeypatch, capsys, "--films", films, films.parent / "." / "films")
    assert (status, said.count("\n")) == (2, 1) and "same set" in said


def test_what_may_be_meant_otherwise_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Frames of a CSV file that counts from 1 were compared with their neighbors, and tracks on distractors were false,
    without a word."""
    truth = "".join(f"{frame},1,{10 * frame},20,30,60,1,1,1\n{frame},2,9,9,30,60,1,8,1\n" for frame in range(1, 5))
    (tmp_path / "gt.txt").write_text(truth)
    rows = "".join(f"{frame},1,{10 * frame},20,30,60\n" for frame in range(1, 5))
    (tmp_path / "tracks.csv").write_text(f"frame,track,left,top,width,height\n{rows}")
    options = ("--truth", tmp_path / "gt.txt", "--tracks", tmp_path / "tracks.csv")
    status, printed, said = answer(evaluate_tracks, monkeypatch, capsys, *options)
    assert status == 0 and "counted from 0" in printed
    distractors, numbers = said.splitlines()
    assert "4 rows" in distractors and "distractors" in distractors
    assert "1 boxes are on frames after 3" in numbers and "tracks.csv" in numbers


@pytest.mark.parametrize(
    ("frames", "box", "words"),
    [
        (range(1, 9), "{0},20,{1},80", ("0 of 8 boxes", "corners")),
        (range(1, 9), "{0},20,30,60", ("4 boxes", "before 5", "count as false")),
        (range(5, 9), "{0},20,30,60", ()),
    ],
)
def test_tracks_that_hardly_meet_the_truth_are_told(
    frames: range, box: str, words: tuple[str, ...], tmp_path: Path, monkeypatch, capsys
) -> None:
    """Corners in place of sizes, and a truth of the second half alone: a negative MOTA was all that was said."""
    rows = {frame: (10 * frame, 10 * frame + 30) for frame in range(1, 9)}
    (tmp_path / "gt.txt").write_text("".join(f"{frame},1,{rows[frame][0]},20,30,60,1,1,1\n" for frame in range(5, 9)))
    lines = (f"{frame},1,{box.format(*rows[frame])},0.9,-1,-1,-1\n" for frame in frames)
    (tmp_path / "tracks.txt").write_text("".join(lines))
    options = ("--truth", tmp_path / "gt.txt", "--tracks", tmp_path / "tracks.txt")
    status, _, said = answer(evaluate_tracks, monkeypatch, capsys, *options)
    assert status == 0 and all(word in said for word in words) and bool(said) == bool(words)


def test_corners_in_both_files_are_told(tmp_path: Path, monkeypatch, capsys) -> None:
    """Boxes beside the true ones lay on them, as each reached from its corner to twice its place: IDF1 100."""
    people = [(frame, person, 200 * person + 10 * frame) for frame in range(1, 9) for person in (1, 2)]
    lines = {
        "gt.txt": [f"{frame},{person},{left},100,{left + 30},180,1,1,1" for frame, person, left in people],
        "tracks.txt": [f"{frame},{person},{left + 20},100,{left + 50},180,1" for frame, person, left in people],
    }
    for name, rows in lines.items():
        (tmp_path / name).write_text("\n".join(rows))
    options = ("--truth", tmp_path / "gt.txt", "--tracks", tmp_path / "tracks.txt")
    status, printed, said = answer(evaluate_tracks, monkeypatch, capsys, *options)
    assert status == 0 and "IDF1 100.0" in printed
    assert [line.split(":")[0] for line in said.splitlines()] == [str(tmp_path / name) for name in lines]
    assert said.count("two corners") == 2


def test_the_visible_share_is_read_in_any_form_of_the_truth(tmp_path: Path) -> None:
    """Of a truth with spaces, or a comma at the end of its lines, people of whom nothing is seen were found, too."""
    lines = ["1,1,10,20,30,60,1,1,0.1", "1,2,50,20,30,60,1,1,0.9"]
    for text in ("\n".join(lines), "\n".join(lines).replace(",", " "), ",\n".join([*lines, ""])):
        (tmp_path / "gt.txt").write_text(text)
        assert _without_identities(tmp_path / "gt.txt").boxes.rows.tolist() == [2]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ((), "none of them"),
        (("--truth", "gt.txt"), "--truth"),
        (("--films", "nowhere"), "films.json"),
        (("--films", "nowhere", "--threshold", "0.5"), "--name"),
        (("--truth", "det.txt", "--tracks", "det.txt"), "det.txt"),
    ],
)
def test_bad_input_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: tuple, named: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "det.txt").write_text("1,-1,10,20,30,60,0.9,-1,-1,-1\n")
    status, _, said = answer(evaluate_tracks, monkeypatch, capsys, *options)
    assert (status, said.count("\n")) == (2, 1) and named in said


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("0,1,10,20,30,60,1,-1,-1,-1", "its frames count from 1, and this is frame 0"),
        ("1,1,10,20,30,60,1,0,1", "class 0 is none of the MOT-Challenge"),
        ("1,1,10,20,30,60,1,4,0,1", "as those of VisDrone"),
        ("frame,track,left,top,width,height,class\n1,1,10,20,30,60,0", "its classes are numbers (0)"),
    ],
)
def test_no_option_is_advised_that_only_other_commands_have(
    line: str, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gt.txt").write_text("1,1,10,20,30,60,1,1,1\n")
    (tmp_path / "tracks.txt").write_text(f"{line}\n")
    options = ("--truth", tmp_path / "gt.txt", "--tracks", tmp_path / "tracks.txt")
    status, _, said = answer(evaluate_tracks, monkeypatch, capsys, *options)
    assert (status, said.count("\n")) == (2, 1) and problem in said and said.count("--") == 0
    assert "frames count from 1, and people are class 1" in said


def test_kept_figures_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "kept.json"
    KeptOutcomes(path, {}).add("set", Outcome({"motion alone": {"IDF1": 50.0}}, {"motion alone": (1, 2)}))
    whole = path.read_text()
    kept = KeptOutcomes(path, {}).get("set")
    assert kept is not None and kept.rows == {"motion alone": {"IDF1": 50.0}}
    for old, new in (
        ("50.0", "NaN"),
        ("50.0", '"50"'),
        ("50.0", "true"),
        ("2\n", "0\n"),
        ("2\n", "2.5\n"),
        ("1,", "-1,"),
    ):
        assert old in whole
        path.write_text(whole.replace(old, new))
        with pytest.raises(UserError, match="kept.json: must be new or a file of this command"):
            KeptOutcomes(path, {})
