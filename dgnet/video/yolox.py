"""YOLOX (Ge et al., 2021, Apache-2.0) from its ONNX files by onnxruntime.

The files of the official release differ, and do not say how. The newer ones want raw BGR of 0..255, the ones before
version 0.2 ImageNet-normalized RGB; some have the grid decoded, most have not. The second is seen from the output, the
first is found out by trying (`choose_preprocessing`).
"""

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32, Float64
from torchvision.ops import batched_nms

from dgnet.core.errors import UserError
from dgnet.video.boxes import Boxes, boxes_of
from dgnet.video.frames import Frame, Picture
from dgnet.video.yolox_geometry import PREPROCESSINGS, STRIDES, Preprocessing, decoded, grid_of, letterbox

OFFICIAL = "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/"

_COCO_CLASSES, _PERSON = 80, 0
_USUAL_SIZE = 640  # of files that leave it open
_NMS = 0.45  # overlap, as in the official demo
# Evidence for a kind of preprocessing: sums of the scores of what is found, of any class.
_TRIAL_FRAMES, _TRIAL_STEP, _TRIAL_SCORE, _ENOUGH, _CLEARLY = 20, 5, 0.3, 1.0, 3.0


@dataclass(frozen=True)
class YoloxFile:
    """A network of a file: `predict` on one prepared picture, and what the file tells of itself."""

    path: Path
    height: int
    width: int
    classes: int
    session: Any

    @property
    def input(self) -> str:
        """The name of its input."""
        return str(self.session.get_inputs()[0].name)

    def predict(self, prepared: Float32[np.ndarray, "1 3 height width"]) -> Float32[np.ndarray, "anchor value"]:
        """Of each anchor the box, objectness and a probability for each class, as the file gives them.

        `UserError` for another output than YOLOX's.
        """
        output = self.session.run(None, {self.input: prepared})[0]
        anchors = len(grid_of(self.height, self.width)[0])
        if output.shape != (1, anchors, 5 + self.classes):
            raise UserError(
                f"{self.path}: YOLOX gives 1x{anchors}x{5 + self.classes} numbers for {self.width}x{self.height} "
                f"pixels, this gives {'x'.join(map(str, output.shape))}"
            )
        return output[0]


def read_yolox(path: Path, providers: list[str] | None = None) -> YoloxFile:
    """The network of an ONNX file; sizes and the number of classes are the file's.

    `UserError` where onnxruntime or the file is missing, or the file is another network.
    """
    try:
        runtime = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise UserError("YOLOX runs by onnxruntime, which is not there: pip install onnxruntime") from error
    if not path.is_file():
        raise UserError(
            f"{path}: no such file of weights; the official ones are yolox_nano.onnx to yolox_x.onnx at {OFFICIAL}"
        )
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # its warnings are for whoever exports a file
    # Its idle threads would turn in a loop while boxes are linked and pictures decoded: half of its processor time.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = runtime.InferenceSession(str(path), options, providers=providers or ["CPUExecutionProvider"])
    except Exception as error:  # its errors have no common class but Exception
        raise UserError(f"{path}: not readable as ONNX ({str(error).splitlines()[0][:200]})") from error
    inputs, outputs = session.get_inputs(), session.get_outputs()
    image, output = inputs[0].shape, outputs[0].shape
    fits = (
        len(inputs) == 1
        and len(image) == 4
        and image[1] == 3
        and len(output) == 3
        and inputs[0].type == "tensor(float)"
    )
    values = output[2] if len(output) == 3 else None
    if not fits or not isinstance(values, int) or values < 6 or image[0] not in (1, None) and isinstance(image[0], int):
        raise UserError(
            f"{path}: YOLOX maps 1x3xHxW to 1xNx(5 + classes), this maps {_shape(image)} to {_shape(output)}; it is "
            "another detector"
        )
    height, width = (size if isinstance(size, int) else _USUAL_SIZE for size in image[2:])
    if height % STRIDES[-1] or width % STRIDES[-1]:
        raise UserError(f"{path}: sizes of YOLOX are multiples of {STRIDES[-1]}, this has {width}x{height}")
    return YoloxFile(path, height, width, values - 5, session)


def _shape(sizes: Iterable[object]) -> str:
    return "x".join(map(str, sizes))


class Yolox:
    """The people that YOLOX finds on a frame.

    Args:
        file: the network.
        kind: the preprocessing that it wants.
        min_score: below that a box is none.
        person_class: the number of people among the classes; by default COCO's of files with 80 classes, and the only
            one of files with one.
    """

    def __init__(
        self, file: YoloxFile, kind: Preprocessing, min_score: float = 0.1, person_class: int | None = None
    ) -> None:
        self._file, self._kind, self._least = file, kind, min_score
        self._person = person_class_of(file, person_class)
        self.name = f"{file.path.name}, {file.width}x{file.height}, preprocessing {kind}, scores from {min_score:g}"

    def boxes(self, frame: Frame) -> Boxes:
        """The boxes in the picture's own pixels, the best first."""
        picture = frame.read()
        if picture is None:
            return boxes_of(np.zeros((0, 4)))
        places, scores, classes = detections(self._file, picture, self._kind, self._least)
        people = classes == self._person
        return boxes_of(places[people], scores[people])

    def remarks(self, frames: int) -> list[str]:
        """None."""
        return []


def person_class_of(file: YoloxFile, given: int | None) -> int:
    """The number of people among the classes. `UserError` where it is not known, or not one of them."""
    if given is None and file.classes not in (1, _COCO_CLASSES):
        raise UserError(f"{file.path}: has {file.classes} classes: --person-class says which of them is people")
    if given is not None and given >= file.classes:
        raise UserError(f"{file.path}: --person-class must be below its {file.classes} classes, got {given}")
    return _PERSON if given is None else given


def detections(
    file: YoloxFile, picture: Picture, kind: Preprocessing, min_score: float
) -> tuple[Float64[np.ndarray, "box 4"], Float64[np.ndarray, " box"], np.ndarray]:
    """Places (left, top, width, height in the picture's pixels), scores and classes, the best first.

    The score is objectness times the class's probability; of boxes of one class that overlap by more than 0.45 the best
    stays.
    """
    prepared, factor = letterbox(picture, file.height, file.width, kind)
    output = file.predict(prepared)
    boxes = decoded(output, file.height, file.width)
    probabilities = output[:, 5:].astype(np.float64)
    classes = probabilities.argmax(1)
    scores = output[:, 4] * probabilities[np.arange(len(output)), classes]
    sure = (scores >= min_score) & np.isfinite(boxes).all(1)
    boxes, scores, classes = boxes[sure], scores[sure], classes[sure]
    corners = np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], 1) / factor
    kept = batched_nms(*(torch.from_numpy(part) for part in (corners, scores, classes)), _NMS).numpy()
    corners = corners[kept]
    return np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], 1), scores[kept], classes[kept]


def choose_preprocessing(file: YoloxFile, frames: Iterable[Frame]) -> tuple[Preprocessing, str]:
    """The kind of preprocessing by which a file finds something, and why: both are tried on the first frames.

    Raises:
        UserError: neither is clearly better.
    """
    evidence: dict[Preprocessing, float] = dict.fromkeys(PREPROCESSINGS, 0.0)
    tried = 0
    for frame in frames:
        if tried == _TRIAL_FRAMES:
            break
        picture = frame.read() if frame.index % _TRIAL_STEP == 0 else None
        if picture is None:
            continue
        tried += 1
        for kind in PREPROCESSINGS:
            evidence[kind] += float(detections(file, picture, kind, _TRIAL_SCORE)[1].sum())
        worse, better = sorted(PREPROCESSINGS, key=evidence.__getitem__)
        if evidence[better] >= _ENOUGH and evidence[better] >= _CLEARLY * evidence[worse]:
            sums = " and ".join(f"{evidence[kind]:.2f} with {kind}" for kind in (better, worse))
            return better, f"preprocessing {better}: the scores on {tried} of the first frames sum to {sums}"
    sums = " and ".join(f"{evidence[kind]:.2f} with {kind}" for kind in PREPROCESSINGS)
    raise UserError(
        f"{file.path}: which preprocessing it wants is not clear from {tried} of the first frames (scores sum to "
        f"{sums}): give --preprocessing {' or '.join(PREPROCESSINGS)}"
    )
