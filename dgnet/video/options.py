"""The options of `tools/find_people.py`, and which of them belong together."""

import argparse

from dgnet.core.cli import add_device
from dgnet.core.errors import UserError
from dgnet.core.option_types import (
    above,
    at_least,
    between,
    expanded_path,
    folder_name,
    run_name,
    sha256_digits,
)
from dgnet.video.linking import TRACKERS
from dgnet.video.yolox_geometry import PREPROCESSINGS

YOLOX = "yolox"
# Option -> what it takes part in, for `check_together`.
_OF_BOXES, _OF_DETECTORS, _OF_YOLOX, _OF_TORCHVISION = (
    "--boxes",
    "--detector",
    "--detector yolox",
    "the detectors of torchvision",
)
# Option of a SOURCE -> its default.
_OF_SOURCES = {
    "source_name": None,
    "camera": None,
    "frame_rate": None,
    "crop_every": 0.0,
    "resume": False,
    "max_hours": None,
    "tracker": "auto",
    "gap": None,
    "track_score": None,
}
_BELONGS = {
    "first_frame": (_OF_BOXES,),
    "weights": (_OF_DETECTORS,),
    "min_score": (_OF_DETECTORS,),
    "preprocessing": (_OF_YOLOX,),
    "weights_sha256": (_OF_TORCHVISION,),
    "person_class": (_OF_BOXES, _OF_YOLOX),
}


def add_gallery_options(parser: argparse.ArgumentParser) -> None:
    """SOURCE, --output, --source-name, --camera, --frame-rate, --crop-every, --resume, --max-hours and --device."""
    parser.add_argument(
        "source",
        nargs="?",
        metavar="SOURCE",
        help="a film, a folder of frames, or the address of a stream; none: --name joins the tracks of a gallery",
    )
    parser.add_argument(
        "--output", "--to", type=expanded_path, required=True, metavar="DIR", help="the gallery, new or to be added to"
    )
    parser.add_argument("--source-name", type=folder_name, help="name of the source (default: that of its file)")
    parser.add_argument("--camera", type=at_least(0), help="its camera's number (default: the gallery's next)")
    parser.add_argument(
        "--frame-rate",
        type=above(0.0, 1000.0),
        help="frames a second of a folder of frames (default: its seqinfo.ini's)",
    )
    parser.add_argument(
        "--crop-every",
        type=between(0.0),
        default=0.0,
        metavar="SECONDS",
        help="least time between two crops of a track (default: 0, a crop of every box)",
    )
    parser.add_argument("--resume", action="store_true", help="continue a work that was stopped, or begin")
    parser.add_argument("--max-hours", type=above(0), metavar="HOURS", help="save and stop after so many hours")
    add_device(parser)


def add_box_options(parser: argparse.ArgumentParser) -> None:
    """Where people are: --boxes or --detector, and what belongs to either."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--boxes", type=expanded_path, metavar="FILE", help="the boxes: MOT-Challenge text, or CSV")
    where.add_argument("--detector", metavar="NAME", help="yolox, or a detector of torchvision; needs --weights")
    parser.add_argument(
        "--weights", type=expanded_path, metavar="FILE", help="of the detector: YOLOX as .onnx, torchvision's as .pth"
    )
    parser.add_argument(
        "--weights-sha256", type=sha256_digits, help="what the SHA-256 of another file than torchvision's begins with"
    )
    parser.add_argument(
        "--preprocessing",
        choices=("auto", *PREPROCESSINGS),
        help="what a file of YOLOX wants: raw BGR, or ImageNet-normalized RGB (before version 0.2); auto: found out on "
        "the first frames, and said (default: auto)",
    )
    parser.add_argument("--min-score", type=between(0.0, 1.0), help="of a detector's boxes (default: 0.1)")
    parser.add_argument(
        "--first-frame",
        type=at_least(0),
        help="the number of the first frame in FILE (default: 1 in MOT-Challenge files, 0 in CSV files)",
    )
    parser.add_argument(
        "--person-class", type=at_least(0), help="the number of people among the classes of FILE or of YOLOX"
    )


def add_track_options(parser: argparse.ArgumentParser) -> None:
    """--tracker, --gap, --track-score; --name, --threshold and --false-positive-rate, by which tracks are joined."""
    parser.add_argument(
        "--tracker",
        choices=("auto", "none", *TRACKERS),
        default="auto",
        help="what links boxes into tracks; auto: the track numbers of FILE, or bytetrack where it has none; none: "
        "every box is a track of its own (default: auto)",
    )
    parser.add_argument(
        "--gap",
        type=between(0.0, 3600.0),
        metavar="SECONDS",
        help="after so long unseen a person is another track (default: 1)",
    )
    parser.add_argument(
        "--track-score",
        type=between(0.0, 1.0),
        help="score from which a box may begin a track (default: the tracker's, 0.7 for bytetrack, 0.6 for ocsort)",
    )
    parser.add_argument(
        "--name", type=run_name, help="a re-ID model that joins the tracks of a person, and takes part in linking"
    )
    parser.add_argument(
        "--threshold",
        type=between(-1.0, 1.0),
        help="least cosine between all tracks of a person (default: that of the model's calibration)",
    )


def check_together(args: argparse.Namespace) -> None:
    """`UserError` for options that do not belong together, or of which one is missing."""
    if args.name is None and args.threshold is not None:
        raise UserError(f"--threshold {args.threshold:g} needs --name, the model that joins tracks")
    if args.source is None and args.name is None:
        raise UserError("give a SOURCE to find people in, or --name to join the tracks of a gallery, got neither")
    if args.source is None and (args.boxes or args.detector):
        option = "--boxes" if args.boxes else "--detector"
        raise UserError(f"{option} needs a SOURCE to find people in, got none")
    if args.source is None:
        given = next((name for name, default in _OF_SOURCES.items() if getattr(args, name) != default), None)
        if given is not None:
            raise UserError(f"--{given.replace('_', '-')} is for finding people in a SOURCE, got none")
    if args.source is not None and (args.boxes is None) == (args.detector is None):
        raise UserError(f"{args.source}: give either --boxes or --detector, which tell where people are")
    here = _kinds(args)
    for name, places in _BELONGS.items():
        value = getattr(args, name)
        if value is not None and here.isdisjoint(places):
            used = "no SOURCE" if args.source is None else "--boxes" if args.boxes else f"--detector {args.detector}"
            raise UserError(
                f"--{name.replace('_', '-')} belongs to {' or '.join(places)}, got {str(value)!r} with {used}"
            )


def _kinds(args: argparse.Namespace) -> set[str]:
    """What of `_BELONGS` is asked for."""
    if args.boxes is not None:
        return {_OF_BOXES}
    if args.detector is None:
        return set()
    return {_OF_DETECTORS, _OF_YOLOX if args.detector == YOLOX else _OF_TORCHVISION}
