"""The boxes, detector, linker and request that the options of `tools/find_people.py` ask for."""

import argparse
import sys
from pathlib import Path
from typing import Any

from dgnet.core.content import content_hashes, sampled_hash
from dgnet.core.errors import UserError
from dgnet.core.folder_names import plain_folder_name
from dgnet.core.images import image_size
from dgnet.core.numerics import open_device
from dgnet.video.box_files import BoxTable, read_boxes
from dgnet.video.detectors import Detector
from dgnet.video.frame_folder import FrameFolder
from dgnet.video.frames import Source
from dgnet.video.linking import GivenTracks, Linker, TrackerLinker, Unlinked, scores_are_probabilities
from dgnet.video.options import YOLOX
from dgnet.video.sources import open_source
from dgnet.video.torchvision_detector import TorchvisionDetector
from dgnet.video.yolox import OFFICIAL, Yolox, choose_preprocessing, person_class_of, read_yolox

_LEAST_SCORE, _GAP = 0.1, 1.0


def boxes_of_file(args: argparse.Namespace, source: Source) -> BoxTable:
    """The boxes of `--boxes`. `UserError` where the frames of a source are not those that a file of boxes counts."""
    asked = args.first_frame
    boxes = read_boxes(args.boxes, first_frame=asked, person_class=args.person_class)
    print(boxes)
    if isinstance(source, FrameFolder):
        _refuse_other_frames(source, boxes, asked=asked is not None)
    if asked is None and not len(boxes.of(0)):
        _ask_for_first_frame(source, boxes)
    return boxes


def _ask_for_first_frame(source: Source, boxes: BoxTable) -> None:
    """`UserError` where boxes with none on the first frame lie beyond the last one; a line where they begin at 1."""
    frames = source.expected()
    if frames is not None and boxes.after(frames):
        raise UserError(
            f"{boxes.path}: has no box on frame {boxes.first_frame}, the first, and boxes after the last of the "
            f"{frames} frames of {source.place}, so which frame is meant by its numbers is not known; --first-frame "
            "gives the number of the first frame"
        )
    if boxes.first_frame == 0 and boxes.frames[0] == 1:
        print(
            f"{boxes.path}: its first boxes are on frame 1, and frames of its form count from 0: if they count from 1, "
            "--first-frame 1 says so",
            file=sys.stderr,
        )


def _refuse_other_frames(source: FrameFolder, boxes: BoxTable, asked: bool) -> None:
    """`asked`: whether the user says which number the first frame has in the file of boxes."""
    unknown = f"so which frame is meant by a number in {boxes.path} is not known"
    if gap := source.gap():
        raise UserError(
            f"{source.place}: {gap[0].name} is followed by {gap[1].name}, {unknown}; the frames must be numbered "
            "without gaps"
        )
    first, number = source.first()
    if not asked and number not in (None, boxes.first_frame):
        raise UserError(
            f"{source.place}: begins with {first.name}, and numbers of its form count from {boxes.first_frame}, "
            f"{unknown}; --first-frame gives the number of {first.name} in that file"
        )
    if (size := image_size(first)) != (said := source.size or size):
        raise UserError(
            f"{source.place}: its seqinfo.ini says that its frames have {said[0]}x{said[1]} pixels, and {first.name} "
            f"has {size[0]}x{size[1]}, so the boxes of {boxes.path} are not those of these pictures"
        )


def detector_of(args: argparse.Namespace) -> Detector:
    """What `--detector` names, with its weights."""
    least = _LEAST_SCORE if args.min_score is None else args.min_score
    if args.detector != YOLOX:
        digits = args.weights_sha256
        return TorchvisionDetector(args.detector, args.weights, least, device=open_device(args.device), sha256=digits)
    if args.weights is None:
        raise UserError(f"--detector yolox needs --weights; the official files are at {OFFICIAL}")
    file = read_yolox(args.weights)
    person_class_of(file, args.person_class)
    kind = args.preprocessing
    if kind in (None, "auto"):
        kind, reason = choose_preprocessing(file, open_source(args.source, rate=args.frame_rate).frames())
        print(f"{args.weights}: {reason}")
    return Yolox(file, kind, least, args.person_class)


def linker_of(
    args: argparse.Namespace, boxes: BoxTable | None, source: Source, similarity: float | None = None
) -> Linker:
    """What `--tracker` asks for; with a `similarity` a tracker links by appearance, too (`TrackerLinker`).

    `UserError` for a tracker where no time is known, and for options of trackers that would have no effect.
    """
    if args.tracker == "none":
        _refuse_tracker_options(args, "--tracker none, which links nothing")
        return Unlinked()
    if args.tracker == "auto" and boxes is not None and boxes.tracked:
        _refuse_tracker_options(args, f"the track numbers of {boxes.path}; --tracker bytetrack links its boxes anew")
        return GivenTracks()
    if isinstance(source, FrameFolder) and source.rate() is None:
        raise UserError(f"{source.place}: boxes are linked by times, and a folder has none: give --frame-rate")
    ignore_scores = boxes is not None and not scores_are_probabilities(boxes.boxes.scores)
    if ignore_scores and boxes is not None and args.track_score is not None:
        raise UserError(
            f"--track-score {args.track_score:g} has no effect with {boxes.path}, whose scores are no probabilities "
            "that differ: leave it out"
        )
    kind = "bytetrack" if args.tracker == "auto" else args.tracker
    gap = _GAP if args.gap is None else args.gap
    return TrackerLinker(
        kind,
        gap,
        rate=source.rate(),
        ignore_scores=ignore_scores,
        begin_score=args.track_score,
        similarity=similarity,
    )


def _refuse_tracker_options(args: argparse.Namespace, used: str) -> None:
    for name, value in (("--gap", args.gap), ("--track-score", args.track_score)):
        if value is not None:
            raise UserError(f"{name} belongs to trackers, got {value:g} with {used}")


def request_of(args: argparse.Namespace, source: Source, detector: Detector) -> dict[str, Any]:
    """What a resumed work must have in common with the one that was begun."""
    path = Path(source.place)
    return {
        "name": args.source_name or _source_name(source),
        "source": source.place,
        "content": source.content()
        if isinstance(source, FrameFolder)
        else sampled_hash(path)
        if path.is_file()
        else None,
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


def _source_name(source: Source) -> str:
    """The name of a source's file, as the folder of its crops."""
    name = source.name.lstrip(".")
    try:
        return plain_folder_name(name)
    except ValueError as error:
        raise UserError(f"{source.place}: the name of its crops' folder {error}, name it by --source-name") from error
