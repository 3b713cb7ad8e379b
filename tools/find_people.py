"""Find people in a film: where and when each was seen, with a picture, in a gallery for search and training.

    python tools/find_people.py film.mp4 --boxes tracks.txt --to people         boxes of any tracker
    python tools/find_people.py film.mp4 --boxes detections.txt --to people     boxes of any detector, linked here
    python tools/find_people.py film.mp4 --detector yolox --weights yolox_s.onnx --to people
    python tools/find_people.py MOT17-02-FRCNN --boxes MOT17-02-FRCNN/det/det.txt --to people     a folder of frames
    python tools/find_people.py film.mp4 --boxes tracks.txt --to people --resume                  continue after a stop
    python tools/find_people.py film.mp4 --boxes tracks.txt --to people --name bnneck                       join tracks

SOURCE is a film, a folder of frames, or the address of a camera's stream (rtsp://...). The boxes are in a text file of
the MOT-Challenge (2015 to 2020, with 6, 7, 9 or 10 numbers a line) or a CSV file that names its columns, or a detector
finds them: YOLOX, or one of torchvision's, with a local file of its weights. Nothing is downloaded.

The gallery holds the crops, people.csv with source, camera, frame, time, box, score, track and quality of each, and of
every source boxes.txt in the MOT-Challenge's form. people.csv is a data set for every tool. A second source is added to
a gallery by the same command. An identity is a track of one source: two tracks are two people until a model joins them
(--name), over all sources of the gallery; from which similarity on tells the model's calibration
(tools/evaluate_reid.py --calibrate) or --threshold. Where boxes are linked here, the model takes part in that, too.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from dgnet.core.calibration import find_calibration
from dgnet.core.cli import CommandParser
from dgnet.core.errors import RunStopped, UserError, command
from dgnet.core.numerics import open_device
from dgnet.runs.signals import Stop, exit_status, resume_command
from dgnet.video.appearance import RULE
from dgnet.video.camera import Camera
from dgnet.video.claim import sources_of
from dgnet.video.detectors import BoxFile
from dgnet.video.find import find_people
from dgnet.video.from_options import boxes_of_file, detector_of, linker_of, request_of
from dgnet.video.joining import join_tracks
from dgnet.video.options import add_box_options, add_gallery_options, add_track_options, check_together
from dgnet.video.source_writer import SourceWriter
from dgnet.video.sources import open_source
from dgnet.video.tracks import Embed
from eval.reid.embedding_model import preprocessing_of
from reid_heads.load import load_model
from reid_heads.loaded_model import LoadedModel


def main() -> int:
    parser = CommandParser(__doc__)
    for add in (add_gallery_options, add_box_options, add_track_options):
        add(parser)
    args = parser.parse_args()
    check_together(args)
    model, threshold = None, 0.0
    if args.name is not None:
        model = load_model(args.name, device=open_device(args.device))
        threshold = threshold_of(model) if args.threshold is None else args.threshold
    if args.source is not None:
        find_in_source(args, model, threshold)
    if model is not None:
        tracks, people = join_tracks(args.output, embedder(model), threshold)
        print(f"{args.output}: {tracks} tracks of all its sources are {people} people by {model.name}")
    return 0


def threshold_of(model: LoadedModel) -> float:
    """The similarity from which the model's calibration calls two images one person, printed with what it is of.

    `UserError` for a model without a calibration.
    """
    calibration = find_calibration(model.weights, preprocessing_of(model))
    if calibration is None:
        raise UserError(
            f"{model.weights} has no calibration to join tracks by: tools/evaluate_reid.py --calibrate makes one, or "
            "give --threshold"
        )
    threshold = calibration.at()
    print(f"tracks are joined from {threshold}, measured on images of {calibration.data} ({calibration.protocol})")
    return threshold.similarity


def find_in_source(args: argparse.Namespace, model: LoadedModel | None, threshold: float) -> None:
    """Add a source to the gallery, and print what was found in it; `model` takes part in linking."""
    source = open_source(args.source, rate=args.frame_rate)
    boxes = boxes_of_file(args, source) if args.boxes is not None else None
    detector = detector_of(args) if boxes is None else BoxFile(boxes)
    linker = linker_of(args, boxes, source, threshold if model is not None else None)
    request = request_of(args, source, detector)
    if model is not None and linker.by_appearance:
        request |= {"linked_by": model.name, "threshold": threshold, "linking_rule": RULE}
    with Stop(args.max_hours) as stop:
        writer = SourceWriter(args.output, request["name"], request, resume=args.resume, every=args.crop_every)
        if copies := sources_of(args.output, request["content"]):
            print(
                f"{source.place}: {copies[0]} in {args.output} has the same content: its people will be there twice, "
                "and by two cameras",
                file=sys.stderr,
            )
        found = find_people(
            source,
            detector,
            linker,
            writer,
            embed=model.embed_crops if model is not None else None,
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


if __name__ == "__main__":
    command(main)
