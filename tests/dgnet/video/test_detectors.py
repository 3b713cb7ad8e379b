"""Detectors against plain implementations: YOLOX's decoding anchor by anchor, torchvision's own call."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torchvision.models import get_model

from dgnet.core.errors import UserError
from dgnet.video.boxes import Boxes
from dgnet.video.frames import Frame, Picture
from dgnet.video.torchvision_detector import TorchvisionDetector
from dgnet.video.yolox import Yolox, YoloxFile, choose_preprocessing, detections, read_yolox
from dgnet.video.yolox_geometry import letterbox
from tests.messages import mentions

SIZE = 64
ANCHORS = 8 * 8 + 4 * 4 + 2 * 2
CLASSES = 80
# The color whose red tells the files below which preprocessing a picture went through.
PICTURE = np.full((SIZE, SIZE, 3), (250, 120, 5), np.uint8)


def frame(picture: Picture | None, index: int = 0) -> Frame:
    return Frame(index, float(index), lambda: picture)


def raw_output() -> np.ndarray:
    """float32 [anchor, 85], the grid not decoded, as a network gives it: some anchors are sure of something."""
    draws = np.random.default_rng(0)
    output = np.zeros((ANCHORS, 5 + CLASSES), np.float32)
    output[:, :4] = draws.normal(0.5, 0.6, (ANCHORS, 4))
    output[:, 4] = draws.random(ANCHORS) ** 2
    output[:, 5:] = draws.random((ANCHORS, CLASSES)) ** 4 / 2
    sure = draws.permutation(ANCHORS)[:20]
    output[sure, 4] = 0.6 + 0.4 * draws.random(20)
    output[sure, 5 + np.where(np.arange(20) % 3 > 0, 0, 7)] = 0.9
    return output


def slow_decoded(output: np.ndarray) -> list[tuple[float, ...]]:
    """Center x, center y, width and height in pixels, anchor by anchor, as YOLOX's paper and demo have it."""
    boxes, anchor = [], 0
    for stride in (8, 16, 32):
        for row in range(SIZE // stride):
            for column in range(SIZE // stride):
                x, y, width, height = (float(value) for value in output[anchor, :4])
                size = np.exp(width) * stride, np.exp(height) * stride
                boxes.append(((x + column) * stride, (y + row) * stride, *size))
                anchor += 1
    return boxes


def slow_people(output: np.ndarray, least: float, factor: float = 1.0) -> list[tuple[float, ...]]:
    """Left, top, width, height and score of people, the best first: greedy suppression over all pairs."""
    candidates = []
    for (x, y, width, height), row in zip(slow_decoded(output), output, strict=True):
        score = float(row[4]) * float(row[5:].max())
        if int(row[5:].argmax()) == 0 and score >= least:
            candidates.append(
                ((x - width / 2) / factor, (y - height / 2) / factor, width / factor, height / factor, score)
            )
    kept: list[tuple[float, ...]] = []
    for box in sorted(candidates, key=lambda box: -box[4]):
        overlaps = []
        for other in kept:
            across = min(box[0] + box[2], other[0] + other[2]) - max(box[0], other[0])
            down = min(box[1] + box[3], other[1] + other[3]) - max(box[1], other[1])
            common = max(across, 0.0) * max(down, 0.0)
            overlaps.append(common / (box[2] * box[3] + other[2] * other[3] - common))
        if not any(overlap > 0.45 for overlap in overlaps):
            kept.append(box)
    return kept


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Files of a tiny network: its output is a constant, times how well the picture's first channel has the value that
    the wanted preprocessing gives it."""

    def written(output: np.ndarray, kind: str = "raw", name: str = "yolox_tiny.onnx") -> Path:
        first = 5.0 if kind == "raw" else (250 / 255 - 0.485) / 0.229
        scale = np.ones_like(output)
        scale[:, 4] = 0
        nodes = [
            helper.make_node("Slice", ["images", "start", "end"], ["pixel"]),
            helper.make_node("Sub", ["pixel", "first"], ["difference"]),
            helper.make_node("Abs", ["difference"], ["distance"]),
            helper.make_node("Less", ["distance", "near"], ["fits"]),
            helper.make_node("Cast", ["fits"], ["number"], to=TensorProto.FLOAT),
            helper.make_node("Reshape", ["number", "one"], ["factor"]),
            helper.make_node("Max", ["factor", "scale"], ["factors"]),
            helper.make_node("Mul", ["constant", "factors"], ["output"]),
        ]
        constants = {
            "start": np.zeros(4, np.int64),
            "end": np.ones(4, np.int64),
            "first": np.float32(first).reshape(1, 1, 1, 1),
            "near": np.float32(0.5).reshape(1, 1, 1, 1),
            "one": np.ones(3, np.int64),
            "scale": scale[None],
            "constant": output[None],
        }
        graph = helper.make_graph(
            nodes,
            "yolox",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, (1, 3, SIZE, SIZE))],
            [helper.make_tensor_value_info("output", TensorProto.FLOAT, (1, *output.shape))],
            [numpy_helper.from_array(np.asarray(value), key) for key, value in constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.save(model, tmp_path / name)
        return tmp_path / name

    return written


def rows(boxes: Boxes) -> np.ndarray:
    return np.concatenate([boxes.places, boxes.scores[:, None]], 1)


@pytest.mark.parametrize("in_graph", [False, True])
@pytest.mark.parametrize("least", [0.1, 0.5])
def test_yolox_against_a_loop(write: Callable[..., Path], least: float, in_graph: bool) -> None:
    output = raw_output()
    stored = output.copy()
    if in_graph:
        stored[:, :4] = slow_decoded(output)
    detector = Yolox(read_yolox(write(stored)), "raw", least)
    expected = np.array(slow_people(output, least))
    found = rows(detector.boxes(frame(PICTURE)))
    assert len(expected) > 5
    assert np.allclose(found, expected, atol=1e-3)
    assert len(detector.boxes(frame(None))) == 0


def test_boxes_are_in_the_pixels_of_the_picture(write: Callable[..., Path]) -> None:
    output = raw_output()
    picture = np.full((3 * SIZE, 2 * SIZE, 3), (250, 120, 5), np.uint8)
    found = rows(Yolox(read_yolox(write(output)), "raw", 0.3).boxes(frame(picture)))
    assert np.allclose(found, slow_people(output, 0.3, factor=1 / 3), atol=1e-3)


@pytest.mark.parametrize(("kind", "channel"), [("raw", 2), ("imagenet", 0)])
def test_the_letterbox_against_a_loop(kind, channel: int) -> None:
    """Bilinear without antialiasing, upper left, gray around; BGR as it is, or RGB normalized."""
    picture = np.random.default_rng(0).integers(0, 256, (20, 10, 3), np.uint8)
    prepared, factor = letterbox(picture, 32, 32, kind)
    assert factor == 1.6 and prepared.shape == (1, 3, 32, 32) and prepared.dtype == np.float32
    mean, deviation = (0.485, 0.229) if kind == "imagenet" else (0, 1 / 255)
    values = (prepared[0, 0] * deviation + mean) * 255
    assert np.allclose(values[:, 16:], 114, atol=1e-2)
    for row in range(32):
        for column in range(16):
            y, x = (np.clip((place + 0.5) / 1.6 - 0.5, 0, last) for place, last in ((row, 19), (column, 9)))
            top, left = int(y), int(x)
            corners = picture[top : top + 2, left : left + 2, channel].astype(float)
            across = corners[:, 0] + (x - left) * (corners[:, -1] - corners[:, 0])
            assert abs(values[row, column] - (across[0] + (y - top) * (across[-1] - across[0]))) < 0.51


@pytest.mark.parametrize("kind", ["raw", "imagenet"])
def test_the_preprocessing_is_found_out(write: Callable[..., Path], kind: str) -> None:
    file = read_yolox(write(raw_output(), kind))
    black = np.zeros_like(PICTURE)
    frames = [frame(black if index < 10 else PICTURE, index) for index in range(20)]
    chosen, reason = choose_preprocessing(file, frames)
    assert chosen == kind and kind in reason
    other = "raw" if kind == "imagenet" else "imagenet"
    assert len(Yolox(file, chosen).boxes(frame(PICTURE))) and not len(Yolox(file, other).boxes(frame(PICTURE)))


def test_where_nothing_tells_the_preprocessing_it_is_asked_for(write: Callable[..., Path]) -> None:
    file = read_yolox(write(raw_output()))
    with pytest.raises(UserError, match=mentions("yolox_tiny.onnx", "--preprocessing", "raw", "imagenet")):
        choose_preprocessing(file, [frame(np.zeros_like(PICTURE), index) for index in range(200)])


def test_classes_are_the_file_s(write: Callable[..., Path]) -> None:
    file = read_yolox(write(raw_output()[:, :8]))
    assert (file.classes, file.height, file.width) == (3, SIZE, SIZE)
    with pytest.raises(UserError, match=mentions("3 classes", "--person-class")):
        Yolox(file, "raw")
    with pytest.raises(UserError, match=mentions("--person-class", 3)):
        Yolox(file, "raw", person_class=3)
    assert Yolox(file, "raw", person_class=2).name


def test_files_that_are_no_yolox(write: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("a text")
    with pytest.raises(UserError, match=mentions("text.onnx", "ONNX")):
        read_yolox(tmp_path / "text.onnx")
    with pytest.raises(UserError, match=mentions("nothing.onnx", "yolox_nano.onnx")):
        read_yolox(tmp_path / "nothing.onnx")
    with pytest.raises(UserError, match=mentions("other.onnx", "1x2x5")):
        read_yolox(write(np.zeros((2, 5), np.float32), name="other.onnx"))
    few: YoloxFile = read_yolox(write(raw_output()[:-1], name="few.onnx"))
    with pytest.raises(UserError, match=mentions("few.onnx", f"1x{ANCHORS}x85")):
        detections(few, PICTURE, "raw", 0.1)


@pytest.fixture(scope="module")
def ssd() -> torch.nn.Module:
    torch.manual_seed(0)
    model = get_model("ssdlite320_mobilenet_v3_large", weights=None, weights_backbone=None, num_classes=91).eval()
    return model


@pytest.mark.slow
def test_torchvision_against_its_own_call(ssd: torch.nn.Module, tmp_path: Path) -> None:
    torch.save(ssd.state_dict(), tmp_path / "ssd.pth")
    detector = TorchvisionDetector("ssdlite320_mobilenet_v3_large", tmp_path / "ssd.pth", 0.0, sha256="")
    picture = np.random.default_rng(0).integers(0, 256, (60, 90, 3), np.uint8)
    with torch.no_grad():
        own = ssd([torch.from_numpy(picture).permute(2, 0, 1).float() / 255])[0]
    people = own["labels"] == 1
    found = detector.boxes(frame(picture))
    assert np.allclose(found.scores, own["scores"][people])
    corners = np.concatenate([found.places[:, :2], found.places[:, :2] + found.places[:, 2:]], 1)
    assert np.allclose(corners, own["boxes"][people], atol=1e-4)
    assert len(detector.boxes(frame(None))) == 0
    with pytest.raises(UserError, match=mentions("ssd.pth", "retinanet_resnet50_fpn")):
        TorchvisionDetector("retinanet_resnet50_fpn", tmp_path / "ssd.pth", sha256="")
    with pytest.raises(UserError, match="SHA-256"):
        TorchvisionDetector("ssdlite320_mobilenet_v3_large", tmp_path / "ssd.pth")


def test_missing_weights_are_named_with_their_place(tmp_path: Path) -> None:
    for weights in (None, tmp_path / "nothing.pth"):
        with pytest.raises(UserError, match="https://download.pytorch.org/models/fasterrcnn_resnet50_fpn_coco-"):
            TorchvisionDetector("fasterrcnn_resnet50_fpn", weights)
    with pytest.raises(UserError, match=mentions("yolox", "ssdlite320_mobilenet_v3_large", "yolov8")):
        TorchvisionDetector("yolov8", None)
