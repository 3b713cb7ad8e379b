"""tools/find_people.py from the command line: what it writes and says, and what it refuses without writing anything."""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from dgnet.core.calibration import Calibration, Threshold, write_calibration
from dgnet.core.checkpoint import file_hash
from dgnet.models.model_file import save_model
from dgnet.models.registry import build_model
from dgnet.video.gallery import read_gallery
from eval.reid.embedding_model import preprocessing_of
from reid_heads.load import load_model
from tests.dgnet.video.films import mot_lines, scene, write_film
from tests.messages import mentions
from tests.tools.evaluation_tool import answer
from tools import extract, find_people

FRAMES = 5


def write_onnx(path: Path, nodes: list, taken: tuple, given: tuple, constants: Sequence = ()) -> None:
    """A network in a file, from numbers `images` of the shape `taken` to `output` of the shape `given`."""
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, taken)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, given)],
        constants,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def calibrate(weights: Path, similarity: float) -> None:
    """Write a calibration with this threshold beside a file of weights."""
    threshold = Threshold(0.001, similarity, similarity, similarity, 0.5)
    prepared = preprocessing_of(load_model(str(weights)))
    write_calibration(weights, Calibration(file_hash(weights), prepared, "shop", "pairs", (threshold,), {}))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film, its frames in a folder, and files of boxes."""
    place = tmp_path_factory.mktemp("films")
    pictures = [scene(number) for number in range(FRAMES)]
    write_film(place / "walk.mkv", pictures)
    for name, first in (("frames", 1), ("gaps", 3)):
        (place / name).mkdir()
        for number, picture in enumerate(pictures, first):
            Image.fromarray(picture).save(place / name / f"{number if number < 6 else 20 + number}.png")
    Image.fromarray(pictures[0]).save(place / "still.png")
    (place / "notes.mp4").write_text("a text\n")
    (place / "notes.nfo").write_text("a text\n")
    (place / "empty.mp4").touch()
    with av.open(str(place / "headers.avi"), "w") as film:
        stream = film.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        film.start_encoding()
    save_model(place / "model.pth", build_model("resnet18", 3), (1, 2, 3), 64, 32)
    write_onnx(place / "other.onnx", [helper.make_node("Identity", ["images"], ["output"])], (1, 5), (1, 5))
    (place / "tracks.txt").write_text(mot_lines(FRAMES))
    (place / "boxes.txt").write_text(mot_lines(FRAMES, tracks=False))
    (place / "outside.txt").write_text("1,1,500,2,16,32,1\n")
    (place / "nan.txt").write_text("1,1,nan,2,16,32,1\n")
    (place / "twice.txt").write_text("1,1,5,2,16,32,1\n1,1,6,2,16,32,1\n")
    return place


@pytest.fixture
def answers(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def answered(*options: object) -> tuple[int, str, str]:
        return answer(find_people, monkeypatch, capsys, "--to", tmp_path / "people", *options)

    return answered


@pytest.fixture
def run(place: Path, answers):
    def ran(source: str, boxes: str, *options: object) -> tuple[int, str, str]:
        return answers(place / source, "--boxes", place / boxes, *options)

    return ran


@pytest.mark.parametrize(
    ("source", "boxes", "options", "crops", "tracks"),
    [
        ("walk.mkv", "tracks.txt", (), 2 * FRAMES, 2),
        ("frames", "tracks.txt", (), 2 * FRAMES, 2),
        # A track begins with a person's second box.
        ("walk.mkv", "boxes.txt", (), 2 * FRAMES - 2, 2),
        ("frames", "boxes.txt", ("--frame-rate", 5, "--tracker", "bytetrack"), 2 * FRAMES - 2, 2),
        ("frames", "boxes.txt", ("--tracker", "none"), 2 * FRAMES, 2 * FRAMES),
    ],
)
def test_people_are_found(
    run, tmp_path: Path, source: str, boxes: str, options: tuple, crops: int, tracks: int
) -> None:
    status, printed, said = run(source, boxes, *options)
    assert (status, said) == (0, "")
    rows = list(read_gallery(tmp_path / "people"))
    assert len(rows) == crops and len({row.track for row in rows}) == tracks
    assert f"{crops} crops" in printed and f"{tracks} tracks" in printed
    assert {path.name for path in (tmp_path / "people").iterdir()} == {"people.csv", source.partition(".")[0]}


@pytest.mark.parametrize(
    ("source", "boxes", "options", "named"),
    [
        ("nothing.mp4", "tracks.txt", (), ("nothing.mp4",)),
        ("still.png", "tracks.txt", (), ("still.png", "still picture")),
        ("notes.mp4", "tracks.txt", (), ("notes.mp4",)),
        ("notes.nfo", "tracks.txt", (), ("notes.nfo", "is text")),
        ("walk.mkv", "nothing.txt", (), ("nothing.txt",)),
        ("walk.mkv", "walk.mkv", (), ("walk.mkv",)),
        ("walk.mkv", "nan.txt", (), ("nan.txt", "line 1", "nan")),
        ("walk.mkv", "twice.txt", (), ("twice.txt", "track", "frame 1")),
        ("walk.mkv", "outside.txt", (), ("walk", "outside", "96x64")),
        ("walk.mkv", "tracks.txt", ("--first-frame", 2), ("--first-frame",)),
        ("walk.mkv", "tracks.txt", ("--frame-rate", 5), ("--frame-rate",)),
        ("walk.mkv", "tracks.txt", ("--source-name", "a/b"), ("--source-name",)),
        ("frames", "boxes.txt", (), ("frames", "--frame-rate")),
        ("gaps", "tracks.txt", (), ("5.png", "26.png")),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(
    run, tmp_path: Path, source: str, boxes: str, options: tuple, named: tuple
) -> None:
    status, _, said = run(source, boxes, *options)
    assert (status, said.count("\n")) == (2, 1)
    assert re.search(mentions(*named), said)
    assert not (tmp_path / "people").exists()


class Interrupted(find_people.Stop):
    """Ctrl-C in every frame."""

    @property
    def code(self) -> int:
        return 2


@pytest.mark.parametrize("source", ["walk.mkv", "frames"])
def test_a_film_that_is_added_twice_is_said(run, source: str, tmp_path: Path) -> None:
    """Under another name its people were seen by two cameras."""
    assert run(source, "tracks.txt")[2] == ""
    status, _, said = run(source, "tracks.txt", "--source-name", "again")
    assert status == 0 and said.count("\n") == 1 and f"{source.partition('.')[0]} in {tmp_path / 'people'}" in said
    other = "frames" if source == "walk.mkv" else "walk.mkv"
    assert run(other, "tracks.txt", "--source-name", "other")[2] == ""


def test_a_stop_says_how_to_go_on(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(find_people, "Stop", Interrupted)
        status, _, said = run("walk.mkv", "tracks.txt")
    assert status == 130 and "stopped after 1 frames" in said and said.rstrip().endswith("--resume")
    assert not (tmp_path / "people/people.csv").exists()
    status, _, said = run("walk.mkv", "tracks.txt", "--resume")
    assert status == 0 and len(list(read_gallery(tmp_path / "people"))) == 2 * FRAMES


def test_another_film_in_its_place_is_another_work(
    run, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A film of the same size was taken for the one that the work had begun with."""
    film = tmp_path / "walk.mkv"
    film.write_bytes((place / "walk.mkv").read_bytes())
    with monkeypatch.context() as patch:
        patch.setattr(find_people, "Stop", Interrupted)
        assert run(film, "tracks.txt")[0] == 130
    content = bytearray(film.read_bytes())
    content[len(content) // 2] ^= 255
    film.write_bytes(content)
    status, _, said = run(film, "tracks.txt", "--resume")
    assert (status, said.count("\n")) == (2, 1) and re.search(mentions("walk", "another request", "content"), said)


def test_images_and_films_have_one_order_of_channels(run, tmp_path: Path) -> None:
    run("walk.mkv", "tracks.txt")
    run("frames", "tracks.txt")
    rows = list(read_gallery(tmp_path / "people"))
    film, folder = rows[: 2 * FRAMES], rows[2 * FRAMES :]
    for one, other in zip(film, folder, strict=True):
        assert (one.track, one.frame, one.place) == (other.track, other.frame, other.place)
        assert np.array_equal(Image.open(one.path), Image.open(other.path))


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ((), ("SOURCE", "--name")),
        (("walk.mkv",), ("walk.mkv", "--boxes", "--detector")),
        (("walk.mkv", "--detector", "yolox"), ("--weights", "https://github.com/Megvii-BaseDetection/YOLOX")),
        (("walk.mkv", "--detector", "yolox", "--weights", "notes.mp4"), ("notes.mp4", "ONNX")),
        (("walk.mkv", "--detector", "yolov8"), ("yolox", "yolov8")),
        (("walk.mkv", "--detector", "ssd300_vgg16"), ("https://download.pytorch.org/models/ssd300_vgg16_coco-",)),
        (("walk.mkv", "--boxes", "tracks.txt", "--threshold", "0.5"), ("--name", "--threshold", "0.5")),
        (("walk.mkv", "--boxes", "tracks.txt", "--name", "nothing", "--threshold", "0.5"), ("nothing",)),
        (("--boxes", "tracks.txt", "--name", "nothing"), ("--boxes", "SOURCE")),
        (("--camera", "3", "--name", "nothing", "--threshold", "0.5"), ("--camera", "SOURCE")),
        (("--crop-every", "2", "--name", "nothing"), ("--crop-every", "SOURCE")),
        (("--resume", "--name", "nothing"), ("--resume", "SOURCE")),
        (("empty.mp4", "--boxes", "tracks.txt"), ("empty.mp4",)),
        (("headers.avi", "--boxes", "tracks.txt"), ("headers.avi", "frames")),
        (("walk.mkv", "--detector", "yolox", "--weights", "other.onnx"), ("other.onnx", "1x5", "another detector")),
        (
            ("walk.mkv", "--detector", "ssd300_vgg16", "--weights", "model.pth"),
            ("model.pth", "SHA-256"),
        ),
        (
            ("walk.mkv", "--detector", "ssd300_vgg16", "--weights", "model.pth", "--preprocessing", "raw"),
            ("--preprocessing", "--detector yolox", "raw", "ssd300_vgg16"),
        ),
        (("walk.mkv", "--boxes", "tracks.txt", "--preprocessing", "raw"), ("--preprocessing", "--detector yolox")),
        (("walk.mkv", "--boxes", "tracks.txt", "--gap", "2"), ("--gap", "2", "tracks.txt", "--tracker bytetrack")),
        (("walk.mkv", "--boxes", "tracks.txt", "--track-score", "0.5"), ("--track-score", "0.5", "track numbers")),
        (("walk.mkv", "--boxes", "boxes.txt", "--tracker", "none", "--gap", "2"), ("--gap", "--tracker none")),
        (("walk.mkv", "--boxes", "boxes.txt", "--track-score", "0.5"), ("--track-score", "0.5", "boxes.txt", "scores")),
        (("walk.mkv", "--boxes", "tracks.txt", "--min-score", "0.5"), ("--min-score", "--detector", "0.5")),
        (("walk.mkv", "--boxes", "tracks.txt", "--weights", "model.pth"), ("--weights", "model.pth")),
        (
            ("walk.mkv", "--detector", "yolox", "--weights", "other.onnx", "--weights-sha256", "ab"),
            ("--weights-sha256", "torchvision"),
        ),
        (("walk.mkv", "--detector", "yolox", "--first-frame", "0"), ("--first-frame", "--boxes", "0")),
        (("walk.mkv", "--detector", "ssd300_vgg16", "--person-class", "0"), ("--person-class", "--boxes")),
        (("walk.mkv", "--boxes", "tracks.txt", "--name", "model.pth"), ("model.pth", "--calibrate", "--threshold")),
    ],
)
def test_what_is_missing_is_one_sentence(answers, place: Path, tmp_path: Path, options: tuple, named: tuple) -> None:
    status, _, said = answers(*(place / word if (place / word).is_file() else word for word in options))
    assert (status, said.count("\n")) == (2, 1)
    assert re.search(mentions(*named), said)
    assert not (tmp_path / "people").exists()


@pytest.mark.slow
def test_a_model_takes_part_in_linking(run, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where boxes are linked here; track numbers of a file stay. A stopped work goes on by the same model and rule."""
    model = "--name", place / "model.pth", "--threshold"
    assert run("walk.mkv", "tracks.txt", *model, 0.5)[0] == 0
    assert run("walk.mkv", "boxes.txt", *model, 0.5, "--source-name", "linked")[0] == 0
    by = [json.loads((tmp_path / f"people/{name}/source.json").read_text())["tracks_by"] for name in ("walk", "linked")]
    assert by == ["the file's track numbers", "bytetrack, gaps up to 1 s, by appearance from 0.5"]
    stopped = "--source-name", "stopped", "--resume"
    with monkeypatch.context() as patch:
        patch.setattr(find_people, "Stop", Interrupted)
        assert run("walk.mkv", "boxes.txt", *model, 0.5, *stopped)[0] == 130
    status, _, said = run("walk.mkv", "boxes.txt", *model, 0.6, *stopped)
    assert (status, said.count("\n")) == (2, 1) and re.search(mentions("another request", "threshold", 0.5, 0.6), said)
    # By another version the frames before would be linked by one rule, and those after by another.
    with monkeypatch.context() as patch:
        patch.setattr(find_people, "RULE", 1)
        status, _, said = run("walk.mkv", "boxes.txt", *model, 0.5, *stopped)
    assert (status, said.count("\n")) == (2, 1) and re.search(mentions("another request", "linking_rule", 2, 1), said)
    assert run("walk.mkv", "boxes.txt", *model, 0.5, *stopped)[0] == 0
    rows = {(row.source, row.track, row.frame) for row in read_gallery(tmp_path / "people")}
    assert {row[1:] for row in rows if row[0] == "stopped"} == {row[1:] for row in rows if row[0] == "linked"}


@pytest.mark.slow
def test_a_detector_and_a_model_that_joins(
    answers, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network that sees one person in the middle of every picture; all tracks are one person for a low threshold."""
    output = np.zeros((8 * 8 + 4 * 4 + 2 * 2, 6), np.float32)
    output[64 + 5] = (0.5, 0.5, 0.0, 0.7, 0.9, 0.9)
    nodes = [
        helper.make_node("ReduceMax", ["images"], ["most"], keepdims=0),
        helper.make_node("Clip", ["most", "", "one"], ["factor"]),
    ]
    nodes.append(helper.make_node("Mul", ["constant", "factor"], ["output"]))
    constants = [numpy_helper.from_array(output[None], "constant"), numpy_helper.from_array(np.float32(1), "one")]
    write_onnx(tmp_path / "one.onnx", nodes, (1, 3, 64, 64), (1, 84, 6), constants)
    save_model(tmp_path / "reid.pth", build_model("resnet18", 3), (1, 2, 3), 64, 32)
    detector = "--detector", "yolox", "--weights", tmp_path / "one.onnx", "--preprocessing", "raw"
    status, printed, said = answers(place / "walk.mkv", *detector)
    assert (status, said) == (0, "") and "1 tracks" in printed
    (row, *_) = read_gallery(tmp_path / "people")
    # Anchor 5 of the second stride: column 1, row 1, of a picture 96 pixels wide that became 64.
    assert row.place == pytest.approx(
        (1.5 * 16 * 1.5 - 12, 1.5 * 24 - 12 * np.exp(0.7), 24, 24 * np.exp(0.7)), rel=1e-4
    )
    assert row.score == pytest.approx(0.81)
    answers(place / "frames", "--boxes", place / "tracks.txt")
    assert len({row.identity for row in read_gallery(tmp_path / "people")}) == 3
    status, _, said = answers("--name", tmp_path / "reid.pth")
    assert (status, said.count("\n")) == (2, 1) and re.search(mentions("reid.pth", "--calibrate", "--threshold"), said)
    assert len({row.identity for row in read_gallery(tmp_path / "people")}) == 3
    calibrate(tmp_path / "reid.pth", 1.0)
    status, printed, said = answers("--name", tmp_path / "reid.pth")
    assert (status, said) == (0, "") and re.search(mentions("1.0000", "FPR 0.001", "shop", "3 people"), printed)
    calibrate(tmp_path / "reid.pth", -1.0)
    status, printed, said = answers("--name", tmp_path / "reid.pth")
    assert (status, said) == (0, "") and "3 tracks" in printed
    identities = {(row.source, row.track): row.identity for row in read_gallery(tmp_path / "people")}
    assert set(identities.values()) == {1, 2} and identities["frames", 1] != identities["frames", 2]
    extract_to = tmp_path / "people.npz"
    words = "extract", "--name", tmp_path / "reid.pth", "--output", extract_to, tmp_path / "people"
    monkeypatch.setattr(sys, "argv", [str(word) for word in words])
    assert extract.main() == 0
    with np.load(extract_to) as stored:
        labels = zip(stored["images/identities"].tolist(), stored["images/cameras"].tolist(), strict=True)
        known = dict(zip(stored["images/paths"].tolist(), labels, strict=True))
    assert known == {str(row.path): (row.identity, row.camera) for row in read_gallery(tmp_path / "people")}
