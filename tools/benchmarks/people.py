"""`people`: what each part of finding people in a film costs, beside the libraries alone, and memory on a longer film.

Frames per second of processor time, of all threads together, for decoding, detecting, linking and embedding: as
`find_people` does it, and by the library alone (PyAV to RGB arrays; onnxruntime on a prepared input; `trackers` on
prepared detections; the network on a prepared batch). `share` is ours of the library's rate. "link by appearance" takes
the place of "link" where a model takes part (--name); what its libraries need alone is `trackers` and the network on as
many prepared images as were embedded. `peak_memory_mib` is that of a process of tools/find_people.py on the film and on
one `--times` as long, which is the same stream over and over: with the boxes of a file, with the detector (--weights),
and with a model that takes part (--name).
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from dgnet.core.errors import UserError
from dgnet.core.machine import machine, versions
from dgnet.core.option_types import at_least, between, expanded_path, run_name
from dgnet.video.appearance import Appearance
from dgnet.video.box_files import read_boxes
from dgnet.video.boxes import Boxes, pixels_of
from dgnet.video.film import Film, require_av
from dgnet.video.frames import Frame, Picture
from dgnet.video.linking import TrackerLinker
from dgnet.video.yolox import Yolox, choose_preprocessing, read_yolox
from reid_heads.load import load_model
from reid_heads.loaded_model import LoadedModel
from tools.benchmarks.people_memory import measure_memory

_CROPS = 128
_TRACKER = "bytetrack"
_USUAL_RATE = 30.0


def add_parser(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The kind `people` with its options."""
    kind = kinds.add_parser(
        "people",
        help="finding people in films: frames per second of each part, and memory",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kind.add_argument("--film", type=expanded_path, required=True)
    kind.add_argument("--boxes", type=expanded_path, required=True, metavar="FILE", help="a detector's boxes of it")
    kind.add_argument("--weights", type=expanded_path, metavar="FILE", help="of YOLOX (.onnx): measures detecting, too")
    kind.add_argument("--name", type=run_name, help="a re-ID model: measures embedding and linking by it, too")
    kind.add_argument("--threshold", type=between(-1.0, 1.0), default=0.6, help="of the model (default: 0.6)")
    kind.add_argument(
        "--memory-frames", type=at_least(2), help="of the film, for the memory: a detector is slow (default: all)"
    )
    kind.add_argument("--frames", type=at_least(2), default=100, help="that are measured (default: 100)")
    kind.add_argument("--times", type=at_least(2), default=10, help="length of the longer film (default: 10)")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """The figures of `python tools/bench.py people` with these options."""
    torch.set_num_threads(1)
    pictures = [picture for picture, _ in zip(_decoded(args.film), range(args.frames), strict=False)]
    table = read_boxes(args.boxes)
    boxes = [table.of(number) for number in range(len(pictures))]
    parts = {"decode": _decode(args.film, args.frames), "link": _link(args.film, boxes)}
    if args.weights is not None:
        parts["detect"] = _detect(args.film, args.weights, pictures)
    if args.name is not None:
        model = load_model(args.name)
        parts["link by appearance"] = _link_by_appearance(args.film, model, args.threshold, pictures, boxes)
        parts["embed"] = _embed(model, pictures, boxes)
    summed = [seconds for name, seconds in parts.items() if name != "link" or "link by appearance" not in parts]
    memory = measure_memory(args, table)
    return {
        "machine": machine() | versions(),
        "frames_measured": len(pictures),
        "frames_per_processor_second": {name: _rates(len(pictures), *seconds) for name, seconds in parts.items()},
        "sum": _rates(len(pictures), *(sum(pair) for pair in zip(*summed, strict=True))),
        "peak_memory_mib": memory | {"times": args.times},
    }


def _rates(frames: int, ours: float, library: float) -> dict[str, float]:
    return {"ours": round(frames / ours, 1), "library": round(frames / library, 1), "share": round(library / ours, 3)}


def _seconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return max(time.process_time() - began, 1e-9)


def _decoded(film: Path) -> Any:
    for frame in Film(film).frames():
        picture = frame.read()
        if picture is not None:
            yield picture


def _decode(film: Path, frames: int) -> tuple[float, float]:
    def alone() -> None:
        with require_av().open(str(film)) as container:
            for _, decoded in zip(range(frames), container.decode(video=0), strict=False):
                decoded.to_ndarray(format="rgb24")

    def ours() -> None:
        for _ in zip(range(frames), _decoded(film), strict=False):
            pass

    alone()  # the file is in the system's cache from here on
    return _seconds(ours), _seconds(alone)


def _link(film: Path, boxes: Sequence[Boxes]) -> tuple[float, float]:
    rate = Film(film).rate() or _USUAL_RATE
    linker = TrackerLinker(_TRACKER, rate=rate)

    def ours() -> None:
        for number, one in enumerate(boxes):
            linker.link(one, number / rate)

    return _seconds(ours), _tracker_alone(rate, boxes)


def _tracker_alone(rate: float, boxes: Sequence[Boxes]) -> float:
    """Seconds of `trackers` on prepared detections."""
    import supervision
    import trackers

    tracker = trackers.ByteTrackTracker(lost_track_buffer=30, frame_rate=rate)
    prepared = [
        supervision.Detections(
            xyxy=np.column_stack([one.places[:, :2], one.places[:, :2] + one.places[:, 2:]]),
            confidence=one.scores.astype(np.float32),
        )
        for one in boxes
    ]

    def alone() -> None:
        for number, one in enumerate(prepared):
            tracker.update(one, timestamp=number / rate)

    return _seconds(alone)


def _link_by_appearance(
    film: Path, model: LoadedModel, threshold: float, pictures: Sequence[Picture], boxes: Sequence[Boxes]
) -> tuple[float, float]:
    """Seconds with the embedding that linking asks for, and those of the tracker and the network on as many images, in
    batches of the same sizes."""
    rate, sizes = Film(film).rate() or _USUAL_RATE, list[int]()

    def embed(crops: Sequence[np.ndarray]) -> np.ndarray:
        sizes.append(len(crops))
        return model.embed_crops(crops)

    def ours() -> None:
        sizes.clear()
        linker = TrackerLinker(_TRACKER, rate=rate, similarity=threshold)
        for number, (picture, one) in enumerate(zip(pictures, boxes, strict=True)):
            linker.link(one, number / rate, Appearance(picture, one, embed))

    def network() -> None:
        for size in sizes:
            model.embedding(torch.zeros((size, 3, model.height, model.width)))

    with torch.inference_mode():
        ours()  # a batch of a new size costs more the first time
        return _seconds(ours), _tracker_alone(rate, boxes) + _seconds(network)


def _detect(film: Path, weights: Path, pictures: Sequence[Picture]) -> tuple[float, float]:
    import onnxruntime

    file = read_yolox(weights)
    kind, _ = choose_preprocessing(file, Film(film).frames())
    detector = Yolox(file, kind, 0.1)
    session = onnxruntime.InferenceSession(str(weights), providers=["CPUExecutionProvider"])
    prepared = {one.name: np.zeros(one.shape, np.float32) for one in session.get_inputs()}

    def ours() -> None:
        for number, picture in enumerate(pictures):
            detector.boxes(Frame(number, None, partial(_same, picture)))

    def alone() -> None:
        for _ in pictures:
            session.run(None, prepared)

    session.run(None, prepared)
    return _seconds(ours), _seconds(alone)


def _same(picture: Picture) -> Picture:
    return picture


def _embed(model: LoadedModel, pictures: Sequence[Picture], boxes: Sequence[Boxes]) -> tuple[float, float]:
    """Seconds for as many crops as the frames have boxes, from those of the first frames."""
    crops = []
    for picture, one in zip(pictures, boxes, strict=True):
        places = [pixels_of(place, *picture.shape[:2]) for place in one.places]
        crops += [picture[place] for place in places if place is not None]
    if not crops:
        raise UserError("the boxes must lie inside of the measured frames, none does")
    some = crops[:_CROPS]
    prepared = torch.zeros((len(some), 3, model.height, model.width))
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        files = [Path(folder) / f"{number}.jpg" for number in range(len(some))]
        for file, crop in zip(files, some, strict=True):
            Image.fromarray(np.ascontiguousarray(crop)).save(file, quality=95)
        model.embedding(prepared)
        times = len(crops) / len(some)
        return times * _seconds(lambda: model.embed(files)), times * _seconds(lambda: model.embedding(prepared))
