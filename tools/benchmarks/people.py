"""`people`: what each part of finding people in a film costs, beside the libraries alone, and memory on a longer film.

Frames per second of processor time, of all threads together, for decoding, detecting, linking and embedding: as
`find_people` does it, and by the library alone (PyAV to RGB arrays; onnxruntime on a prepared input; `trackers` on
prepared detections; the network on a prepared batch). `share` is ours of the library's rate. `peak_memory_mib` is that
of a process of tools/find_people.py with the boxes of a file, on the film and on one `--times` as long, which is the
same stream over and over.
"""

import argparse
import os
import subprocess
import sys
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
from dgnet.core.option_types import at_least, expanded_path, run_name
from dgnet.video.box_files import BoxTable, mot_line, read_boxes
from dgnet.video.boxes import NO_TRACK, Boxes, pixels_of
from dgnet.video.film import Film, require_av
from dgnet.video.frames import Frame, Picture
from dgnet.video.linking import TrackerLinker
from dgnet.video.yolox import Yolox, choose_preprocessing, read_yolox
from reid_heads.load import load_model

_ROOT = Path(__file__).resolve().parents[2]
_CROPS = 128
_TRACKER = "bytetrack"


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
    kind.add_argument("--name", type=run_name, help="a re-ID model: measures embedding, too")
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
        parts["embed"] = _embed(args.name, pictures, boxes)
    with tempfile.TemporaryDirectory() as folder:
        longer, longer_boxes = Path(folder) / "longer.mkv", Path(folder) / "longer.txt"
        frames = write_repeated(args.film, longer, args.times)
        write_repeated_boxes(table, longer_boxes, frames, args.times)
        memory = {
            name: _peak_of_find_people(film, file, Path(folder) / name)
            for name, film, file in (("film", args.film, args.boxes), ("longer", longer, longer_boxes))
        }
    return {
        "machine": machine() | versions(),
        "frames_measured": len(pictures),
        "frames_per_processor_second": {name: _rates(len(pictures), *seconds) for name, seconds in parts.items()},
        "sum": _rates(len(pictures), *(sum(pair) for pair in zip(*parts.values(), strict=True))),
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
    import supervision
    import trackers

    rate = Film(film).rate() or 30.0
    linker = TrackerLinker(_TRACKER, rate=rate)
    tracker = trackers.ByteTrackTracker(lost_track_buffer=30, frame_rate=rate)
    prepared = [
        supervision.Detections(
            xyxy=np.column_stack([one.places[:, :2], one.places[:, :2] + one.places[:, 2:]]),
            confidence=one.scores.astype(np.float32),
        )
        for one in boxes
    ]

    def ours() -> None:
        for number, one in enumerate(boxes):
            linker.link(one, number / rate)

    def alone() -> None:
        for number, one in enumerate(prepared):
            tracker.update(one, timestamp=number / rate)

    return _seconds(ours), _seconds(alone)


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


def _embed(name: str, pictures: Sequence[Picture], boxes: Sequence[Boxes]) -> tuple[float, float]:
    """Seconds for as many crops as the frames have boxes, from those of the first frames."""
    model, crops = load_model(name), []
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


def write_repeated(film: Path, path: Path, times: int) -> int:
    """The stream of a film, `times` over, in one file: its packets are copied, and their times go on. The number of
    packets of one pass."""
    av = require_av()
    with av.open(str(path), "w") as output:
        copied, start, packets = None, 0, 0
        for _ in range(times):
            with av.open(str(film)) as container:
                stream = container.streams.video[0]
                copied = copied or output.add_stream_from_template(stream)
                end, packets = start, 0
                for packet in container.demux(stream):
                    if packet.dts is None:
                        continue
                    packet.pts, packet.dts = (packet.pts or packet.dts) + start, packet.dts + start
                    end, packets = max(end, packet.dts + max(packet.duration or 0, 1)), packets + 1
                    packet.stream = copied
                    output.mux(packet)
                start = end
    return packets


def write_repeated_boxes(table: BoxTable, path: Path, frames: int, times: int) -> None:
    """The boxes of a film for one that is `times` as long, without tracks."""
    with open(path, "w", encoding="utf-8") as file:
        for turn in range(times):
            for frame, place, score in zip(table.frames.tolist(), table.boxes.places, table.boxes.scores, strict=True):
                file.write(mot_line(frame + turn * frames, NO_TRACK, place, float(score)))


# The peak that the system tells of a child counts what its parent held when it began: the process tells its own.
_TELL_PEAK = """
import atexit, runpy, sys
from dgnet.core.machine import peak_resident_bytes
atexit.register(lambda: print("peak", peak_resident_bytes()))
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def _peak_of_find_people(film: Path, boxes: Path, gallery: Path) -> float:
    """MiB that a process of tools/find_people.py takes at most."""
    options = [str(film), "--boxes", str(boxes), "--to", str(gallery), "--track-score", "0.5"]
    words = [sys.executable, "-c", _TELL_PEAK, str(_ROOT / "tools/find_people.py"), *options]
    search = os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": search}, check=False)
    if done.returncode:
        raise UserError(f"tools/find_people.py ended with status {done.returncode} on {film}: {done.stderr[-300:]}")
    return round(int(done.stdout.split()[-1]) / 2**20, 1)
