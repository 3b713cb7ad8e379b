"""Find people in a film: where and when each was seen, with a picture, in a gallery for search and training.

    python tools/find_people.py film.mp4 --boxes tracks.txt --to people         boxes of any tracker
    python tools/find_people.py film.mp4 --boxes detections.txt --to people     boxes of any detector, linked here
    python tools/find_people.py MOT17-02-FRCNN --boxes MOT17-02-FRCNN/det/det.txt --to people     a folder of frames
    python tools/find_people.py film.mp4 --boxes tracks.txt --to people --resume                  continue after a stop

SOURCE is a film, a folder of frames, or the address of a camera's stream (rtsp://...). The boxes are in a text file of
the MOT-Challenge (2015 to 2020, with 6, 7, 9 or 10 numbers a line) or a CSV file that names its columns.

The gallery holds the crops, people.csv with source, camera, frame, time, box, score, track and quality of each, and of
every source boxes.txt in the MOT-Challenge's form. people.csv is a data set for every tool. A second source is added to
a gallery by the same command. An identity is a track of one source: two tracks are two people until a model joins them.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.cli import CommandParser
from dgnet.core.content import content_hashes
from dgnet.core.errors import RunStopped, UserError, command
from dgnet.core.option_types import above, at_least, between, expanded_path, folder_name, from_to
from dgnet.core.settings import plain_folder_name
from dgnet.runs.signals import Stop, exit_status, resume_command
from dgnet.video.box_files import BoxTable, read_boxes
from dgnet.video.camera import Camera
from dgnet.video.detectors import BoxFile
from dgnet.video.find import find_people
from dgnet.video.frame_folder import FrameFolder
from dgnet.video.frames import Source
from dgnet.video.linking import TRACKERS, GivenTracks, Linker, TrackerLinker, Unlinked, scores_are_probabilities
from dgnet.video.source_writer import SourceWriter
from dgnet.video.sources import open_source


def main() -> int:
    args = parser().parse_args()
    source = open_source(args.source, rate=args.frame_rate)
    boxes = read_boxes(args.boxes, first_frame=args.first_frame, person_class=args.person_class)
    print(boxes)
    require_numbered(source, boxes)
    linker = linker_of(args, boxes, source)
    request = request_of(args, source)
    with Stop(args.max_hours) as stop:
        writer = SourceWriter(args.output, request["name"], request, resume=args.resume, every=args.crop_every)
        found = find_people(
            source,
            BoxFile(boxes),
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
    return 0


def parser() -> argparse.ArgumentParser:
    """The options."""
    described = CommandParser(__doc__)
    described.add_argument("source", metavar="SOURCE", help="a film, a folder of frames, or the address of a stream")
    described.add_argument(
        "--output", "--to", type=expanded_path, required=True, metavar="DIR", help="the gallery, new or to be added to"
    )
    described.add_argument(
        "--boxes", type=expanded_path, required=True, metavar="FILE", help="the boxes: MOT-Challenge text, or CSV"
    )
    described.add_argument(
        "--first-frame",
        type=from_to(0, 1),
        help="the number of the first frame in FILE (default: 1 in MOT-Challenge files, 0 in CSV files)",
    )
    described.add_argument("--person-class", type=at_least(0), help="the number of people among the classes of a CSV")
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


def require_numbered(source: Source, boxes: BoxTable) -> None:
    """`UserError` where the numbers of a folder's frames are not those that a file of boxes counts."""
    gap = source.gap() if isinstance(source, FrameFolder) else None
    if gap is not None:
        raise UserError(
            f"{source.place}: {gap[0].name} is followed by {gap[1].name}, so which frame is meant by a number in "
            f"{boxes.path} is not known; the frames must be numbered without gaps"
        )


def linker_of(args: argparse.Namespace, boxes: BoxTable, source: Source) -> Linker:
    """What `--tracker` asks for. `UserError` for a tracker where no time is known."""
    if args.tracker == "none":
        return Unlinked()
    if args.tracker == "auto" and boxes.tracked:
        return GivenTracks()
    if isinstance(source, FrameFolder) and not source.has_times:
        raise UserError(f"{source.place}: boxes are linked by times, and a folder has none: give --frame-rate")
    certain = not scores_are_probabilities(boxes.boxes.scores)
    return TrackerLinker("bytetrack" if args.tracker == "auto" else args.tracker, args.gap, certain)


def request_of(args: argparse.Namespace, source: Source) -> dict[str, Any]:
    """What a resumed work must have in common with the one that was begun."""
    path = Path(source.place)
    return {
        "name": args.source_name or source_name(source),
        "source": source.place,
        "bytes": path.stat().st_size if path.is_file() else None,
        "boxes": content_hashes([args.boxes])[0],
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
