"""Find people in a film: where and when each was seen, with a picture, in a gallery for search and training.

    python tools/find_people.py film.mp4 --boxes tracks.txt --to people         boxes of any tracker
    python tools/find_people.py film.mp4 --boxes detections.txt --to people     boxes of any detector, linked here
    python tools/find_people.py film.mp4 --detector yolox --weights yolox_s.onnx --to people
    python tools/find_people.py MOT17-02-FRCNN --boxes MOT17-02-FRCNN/det/det.txt --to people     a folder of frames
    python tools/find_people.py film.mp4 --boxes tracks.txt --to people --resume                  continue after a stop
    python tools/find_people.py film.mp4 --boxes tracks.txt --to people --name bnneck --threshold 0.6       join tracks

SOURCE is a film, a folder of frames, or the address of a camera's stream (rtsp://...). The boxes are in a text file of
the MOT-Challenge (2015 to 2020, with 6, 7, 9 or 10 numbers a line) or a CSV file that names its columns, or a detector
finds them: YOLOX, or one of torchvision's, with a local file of its weights. Nothing is downloaded.

The gallery holds the crops, people.csv with source, camera, frame, time, box, score, track and quality of each, and of
every source boxes.txt in the MOT-Challenge's form. people.csv is a data set for every tool. A second source is added to
a gallery by the same command. An identity is a track of one source: two tracks are two people until a model joins them
(--name, --threshold), over all sources of the gallery.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from dgnet.core.cli import CommandParser, add_device
from dgnet.core.content import content_hashes
from dgnet.core.device import choose_device
from dgnet.core.errors import RunStopped, UserError, command
from dgnet.core.option_types import (
    above,
    at_least,
    between,
    expanded_path,
    folder_name,
    from_to,
    run_name,
    sha256_digits,
)
from dgnet.core.settings import plain_folder_name
from dgnet.runs.signals import Stop, exit_status, resume_command
from dgnet.video.box_files import BoxTable, read_boxes
from dgnet.video.camera import Camera
from dgnet.video.detectors import BoxFile, Detector
from dgnet.video.find import find_people
from dgnet.video.frame_folder import FrameFolder
from dgnet.video.frames import Source
from dgnet.video.joining import Embed, join_tracks
from dgnet.video.linking import TRACKERS, GivenTracks, Linker, TrackerLinker, Unlinked, scores_are_probabilities
from dgnet.video.source_writer import SourceWriter
from dgnet.video.sources import open_source
from dgnet.video.torchvision_detector import TorchvisionDetector
from dgnet.video.yolox import OFFICIAL, Yolox, choose_preprocessing, person_class_of, read_yolox
from dgnet.video.yolox_geometry import PREPROCESSINGS
from reid_heads.load import load_model
from reid_heads.loaded_model import LoadedModel


def main() -> int:
    args = parser().parse_args()
    if (args.name is None) != (args.threshold is None):
        raise UserError("--name and --threshold belong together: the model that joins tracks, and its least cosine")
    if args.source is None and args.name is None:
        raise UserError("give a SOURCE to find people in, or --name to join the tracks of a gallery, got neither")
    if args.source is not None and (args.boxes is None) == (args.detector is None):
        raise UserError(f"{args.source}: give either --boxes or --detector, which tell where people are")
    model = load_model(args.name, device=choose_device(args.device)) if args.name is not None else None
    if args.source is not None:
        find_in_source(args)
    if model is not None:
        tracks, people = join_tracks(args.output, embedder(model), args.threshold)
        print(f"{args.output}: {tracks} tracks of all its sources are {people} people by {model.name}")
    return 0


def find_in_source(args: argparse.Namespace) -> None:
    """Add a source to the gallery, and print what was found in it."""
    source = open_source(args.source, rate=args.frame_rate)
    boxes = boxes_of_file(args, source) if args.boxes is not None else None
    detector = detector_of(args) if boxes is None else BoxFile(boxes)
    linker = linker_of(args, boxes, source)
    request = request_of(args, source, detector)
    with Stop(args.max_hours) as stop:
        writer = SourceWriter(args.output, request["name"], request, resume=args.resume, every=args.crop_every)
        found = find_people(
            source,
            detector,
            linker,
            writer,
            camera=args.camera,
            should_stop=lambda: bool(stop.code),
            ends_when_stopped=isinstance(source, Camera),
        )
        if not found.finished:
            words = [sys.executable, *sys.argv]
            print(f"stopped after {writer.last + 1} frames; continue by: {resume_command(words, 1)}", file=sys.stderr)
            raise RunStopped(exit_status(stop.code))
    for remark in found.remarks:
        print(remark, file=sys.stderr)
    counts = found.summary
    print(
        f"{args.output}: {counts['frames']} frames, {counts['boxes']} boxes, {counts['tracks']} tracks, "
        f"{counts['crops']} crops; {counts['boxes'] - counts['boxes_with_track']} boxes without a track, "
        f"{counts['boxes_outside']} outside of the picture"
    )


def embedder(model: LoadedModel) -> Embed:
    """A model on files of images."""

    def embed(files: Sequence[Path]) -> np.ndarray:
        return np.asarray(model.embed(list(files)))

    return embed


def parser() -> argparse.ArgumentParser:
    """The options."""
    described = CommandParser(__doc__)
    described.add_argument(
        "source",
        nargs="?",
        metavar="SOURCE",
        help="a film, a folder of frames, or the address of a stream; none: --name joins the tracks of a gallery",
    )
    described.add_argument(
        "--output", "--to", type=expanded_path, required=True, metavar="DIR", help="the gallery, new or to be added to"
    )
    where = described.add_mutually_exclusive_group()
    where.add_argument("--boxes", type=expanded_path, metavar="FILE", help="the boxes: MOT-Challenge text, or CSV")
    where.add_argument("--detector", metavar="NAME", help="yolox, or a detector of torchvision; needs --weights")
    described.add_argument(
        "--weights", type=expanded_path, metavar="FILE", help="of the detector: YOLOX as .onnx, torchvision's as .pth"
    )
    described.add_argument(
        "--weights-sha256", type=sha256_digits, help="what the SHA-256 of another file than torchvision's begins with"
    )
    described.add_argument(
        "--preprocessing",
        choices=("auto", *PREPROCESSINGS),
        default="auto",
        help="what a file of YOLOX wants: raw BGR, or ImageNet-normalized RGB (before version 0.2); auto: found out on "
        "the first frames, and said (default: auto)",
    )
    described.add_argument(
        "--min-score", type=between(0.0, 1.0), default=0.1, help="of a detector's boxes (default: 0.1)"
    )
    described.add_argument(
        "--first-frame",
        type=from_to(0, 1),
        help="the number of the first frame in FILE (default: 1 in MOT-Challenge files, 0 in CSV files)",
    )
    described.add_argument(
        "--person-class", type=at_least(0), help="the number of people among the classes of a CSV file or of YOLOX"
    )
    described.add_argument(
        "--tracker",
        choices=("auto", "none", *TRACKERS),
        default="auto",
        help="what links boxes into tracks; auto: the track numbers of FILE, or bytetrack where it has none; none: "
        "every box is a track of its own (default: auto)",
    )
    described.add_argument(
        "--gap",
        type=between(0.0, 3600.0),
        default=1.0,
        metavar="SECONDS",
        help="after so long unseen a person is another track (default: 1)",
    )
    described.add_argument(
        "--track-score",
        type=between(0.0, 1.0),
        help="score from which a box may begin a track (default: the tracker's, 0.7 for bytetrack, 0.6 for ocsort)",
    )
    described.add_argument("--name", type=run_name, help="a re-ID model that joins the tracks of a person")
    described.add_argument(
        "--threshold",
        type=between(-1.0, 1.0),
        help="least cosine between all tracks of a person; depends on the model, so it has no default",
    )
    add_device(described)
    described.add_argument(
        "--frame-rate",
        type=above(0.0, 1000.0),
        help="frames a second of a folder of frames (default: its seqinfo.ini's)",
    )
    described.add_argument(
        "--crop-every",
        type=between(0.0),
        default=0.0,
        metavar="SECONDS",
        help="least time between two crops of a track (default: 0, a crop of every box)",
    )
    described.add_argument("--source-name", type=folder_name, help="name of the source (default: that of its file)")
    described.add_argument("--camera", type=at_least(0), help="its camera's number (default: the gallery's next)")
    described.add_argument("--resume", action="store_true", help="continue a work that was stopped, or begin")
    described.add_argument("--max-hours", type=above(0), metavar="HOURS", help="save and stop after so many hours")
    return described


def boxes_of_file(args: argparse.Namespace, source: Source) -> BoxTable:
    """The boxes of `--boxes`. `UserError` where a folder's frames are not those that a file of boxes counts."""
    boxes = read_boxes(args.boxes, first_frame=args.first_frame, person_class=args.person_class)
    print(boxes)
    gap = source.gap() if isinstance(source, FrameFolder) else None
    if gap is not None:
        raise UserError(
            f"{source.place}: {gap[0].name} is followed by {gap[1].name}, so which frame is meant by a number in "
            f"{boxes.path} is not known; the frames must be numbered without gaps"
        )
    return boxes


def detector_of(args: argparse.Namespace) -> Detector:
    """What `--detector` names, with its weights."""
    if args.detector != "yolox":
        digits = args.weights_sha256
        return TorchvisionDetector(
            args.detector, args.weights, args.min_score, device=choose_device(args.device), sha256=digits
        )
    if args.weights is None:
        raise UserError(f"--detector yolox needs --weights; the official files are at {OFFICIAL}")
    file = read_yolox(args.weights)
    person_class_of(file, args.person_class)
    kind = args.preprocessing
    if kind == "auto":
        kind, reason = choose_preprocessing(file, open_source(args.source, rate=args.frame_rate).frames())
        print(f"{args.weights}: {reason}")
    return Yolox(file, kind, args.min_score, args.person_class)


def linker_of(args: argparse.Namespace, boxes: BoxTable | None, source: Source) -> Linker:
    """What `--tracker` asks for. `UserError` for a tracker where no time is known."""
    if args.tracker == "none":
        return Unlinked()
    if args.tracker == "auto" and boxes is not None and boxes.tracked:
        return GivenTracks()
    if isinstance(source, FrameFolder) and source.rate() is None:
        raise UserError(f"{source.place}: boxes are linked by times, and a folder has none: give --frame-rate")
    certain = boxes is not None and not scores_are_probabilities(boxes.boxes.scores)
    kind = "bytetrack" if args.tracker == "auto" else args.tracker
    return TrackerLinker(kind, args.gap, rate=source.rate(), certain=certain, begin_score=args.track_score)


def request_of(args: argparse.Namespace, source: Source, detector: Detector) -> dict[str, Any]:
    """What a resumed work must have in common with the one that was begun."""
    path = Path(source.place)
    return {
        "name": args.source_name or source_name(source),
        "source": source.place,
        "bytes": path.stat().st_size if path.is_file() else None,
        "boxes": content_hashes([args.boxes or args.weights])[0],
        "detector": detector.name,
        "track_score": args.track_score,
        "first_frame": args.first_frame,
        "person_class": args.person_class,
        "tracker": args.tracker,
        "gap": args.gap,
        "frame_rate": args.frame_rate,
        "crop_every": args.crop_every,
    }


def source_name(source: Source) -> str:
    """The name of a source's file, as the folder of its crops."""
    name = source.name.lstrip(".")
    try:
        return plain_folder_name(name)
    except ValueError as error:
        raise UserError(f"{source.place}: the name of its crops' folder {error}, name it by --source-name") from error


if __name__ == "__main__":
    command(main)
