"""Print how well tracks follow people: IDF1, HOTA, MOTA, identity switches, and how often a person is found.

    python tools/evaluate_tracks.py --truth gt.txt --tracks boxes.txt               a file of tracks, of any program
    python tools/evaluate_tracks.py --films data/films1 data/films2 --name pedestrians --threshold 0.6
    python tools/evaluate_tracks.py --film street.mp4 --boxes det.txt --truth gt.txt --name bnneck --threshold 0.6

--films takes sets of tools/make_synthetic.py --video. Their people are found as by tools/find_people.py, from the true
boxes without identities (those that can be seen) and from the boxes with errors: linked by motion alone, joined by the
re-ID model at each threshold, and linked and joined by it. Each set counts once; means have the 95 % interval of
Student's t over the sets, and so have the differences from motion alone. With several models (--name A B) there are
the rows of each, and the differences of the others from the first. Several cameras of a set are summed as
sequences of the MOT-Challenge are. "IDF1 over cameras" asks for the same identity in all films of a set.

"Found at rank 1": the query is the middle one of a person's crops by a camera that can be seen to 0.9 or more (or the
best), the gallery are the tracks of the other cameras; of a single film, all tracks but the query's own.

--output FILE.json keeps the figures of each set when they are measured: a stopped command, given again, goes on.
"""

import argparse
import string
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.cli import CommandParser, add_device
from dgnet.core.errors import AdvisedError, UserError, command
from dgnet.core.numerics import open_device
from dgnet.core.option_types import above, between, expanded_path, path_ending, run_name
from dgnet.video.appearance import RULE
from dgnet.video.box_columns import NOT_COUNTED, OTHER_CLASS
from dgnet.video.box_files import BoxTable, read_boxes
from dgnet.video.linking import TRACKERS
from dgnet.video.synthetic_films import TrueFilm, films_of
from eval.tracks.scores import MATCH, overlaps, track_scores
from reid_heads.load import load_model
from tools.benchmarks.kept_outcomes import KeptOutcomes, set_digest
from tools.benchmarks.track_experiment import Linking, evaluate_films, tracked_boxes
from tools.benchmarks.track_table import print_table


def main() -> int:
    args = _arguments()
    try:
        return _evaluate(args)
    except AdvisedError as error:
        # The options that say so are those of tools/find_people.py.
        raise UserError(
            f"{error.problem}; write it as the MOT-Challenge does: frames count from 1, and people are class 1"
        ) from error


def _evaluate(args: argparse.Namespace) -> int:
    if args.tracks is not None:
        truth, tracks = read_boxes(args.truth), read_boxes(args.tracks)
        scores = track_scores([tracked_boxes(truth)], [tracked_boxes(tracks)])
        print(f"{truth}\n{tracks}")
        for remark in _remarks(truth, tracks):
            print(remark, file=sys.stderr)
        print(f"IDF1 {100 * scores.idf1:.1f}  HOTA {100 * scores.hota:.1f}  MOTA {100 * scores.mota:.1f}")
        print(f"{scores.switches} identity switches, {scores.true_boxes} true boxes")
        return 0
    sets = (
        [films_of(folder) for folder in args.films] if args.films else [[TrueFilm(args.film, args.truth, args.boxes)]]
    )
    digests = [set_digest(films) for films in sets]
    _refuse_equal_sets(args.films or (), digests)
    device = open_device(args.device)
    names = string.ascii_uppercase[: len(args.name)]
    models = {name: load_model(path, device=device) for name, path in zip(names, args.name, strict=True)}
    for name, model in models.items():
        print(f"model {name}: {model.name}" if len(models) > 1 else f"model: {model.name}")
    settings = {option: getattr(args, option) for option in ("tracker", "gap", "track_score", "threshold")}
    measured_by = {"models": [model.name for model in models.values()], "linking_rule": RULE if models else None}
    kept = KeptOutcomes(args.output, settings | measured_by)
    kinds = ("true boxes", "boxes with errors" if args.films else "detected boxes")
    clock = _Clock(2 * len(sets))
    for kind in kinds:
        outcomes = []
        for number, (films, digest) in enumerate(zip(sets, digests, strict=True), 1):
            outcome = kept.get(key := f"{kind}: {digest}")
            if outcome is None:
                linking = Linking(kind == kinds[0], args.tracker, args.gap, args.track_score)
                with tempfile.TemporaryDirectory() as folder:
                    outcome = evaluate_films(films, Path(folder) / "people", linking, models, args.threshold)
                kept.add(key, outcome)
                clock.measured(f"{kind}, set {number} of {len(sets)}")
            else:
                clock.skipped()
            outcomes.append(outcome)
        print(f"\n{kind}, {len(sets)} {'sets of films' if args.films else 'film'}")
        print_table(outcomes, names)
    return 0


class _Clock:
    """Says how long a part took, and how long the rest may take, where there are several sets."""

    def __init__(self, parts: int) -> None:
        self._left, self._silent, self._measured = parts, parts <= 2, 0
        self._began = time.monotonic()

    def measured(self, part: str) -> None:
        self._measured, self._left = self._measured + 1, self._left - 1
        seconds = (time.monotonic() - self._began) / self._measured
        if not self._silent:
            rest = timedelta(seconds=round(seconds * self._left))
            print(f"{part} measured; {seconds:.0f} s a set so far, about {rest} left", file=sys.stderr, flush=True)

    def skipped(self) -> None:
        self._left -= 1


def _refuse_equal_sets(folders: Sequence[Path], digests: Sequence[str]) -> None:
    """`UserError` for a set that is there twice: the intervals are those of sets that have nothing to do with each
    other."""
    known: dict[str, Path] = {}
    for folder, digest in zip(folders, digests, strict=False):
        if digest in known:
            raise UserError(f"--films: {known[digest]} and {folder} are the same set; every set must be another one")
        known[digest] = folder


def _remarks(truth: BoxTable, tracks: BoxTable) -> list[str]:
    """What may make the scores of a file others than its user means."""
    said = []
    if missing := sum(truth.left_out.get(reason, 0) for reason in (NOT_COUNTED, OTHER_CLASS)):
        said.append(
            f"{truth.path}: {missing} rows are not of people who count, and tracks on them count as false; the "
            "MOT-Challenge's own figures leave out tracks on its distractors"
        )
    frames = int(truth.frames.max()) + 1
    if (late := tracks.after(frames)) and not len(tracks.of(0)):
        said.append(
            f"{tracks.path}: {late} boxes are on frames after {frames - 1 + tracks.first_frame}, the last of "
            f"{truth.path}, and none is on {tracks.first_frame}, the first: does it count from another number?"
        )
    else:
        first = int(truth.frames.min())
        if outside := late + int((tracks.frames < first).sum()):
            said.append(
                f"{tracks.path}: {outside} boxes are on frames before {first + truth.first_frame} or after "
                f"{frames - 1 + truth.first_frame}, the first and the last of {truth.path}, and count as false"
            )
    if 5 * (right := _on_true_boxes(truth, tracks)) < len(tracks.frames):
        said.append(
            f"{tracks.path}: {right} of {len(tracks.frames)} boxes lie on a true one of their frame (overlap "
            f"{MATCH}); is it of this film, are its columns left, top, width, height, and not corners, and does it "
            "count frames as the truth does?"
        )
    return said + [remark for table in (truth, tracks) for remark in _of_corners(table)]


def _of_corners(table: BoxTable) -> list[str]:
    """That the boxes look like two corners each: where both files hold corners, theirs overlap by more than the people
    do, and every figure is too high."""
    corner, extent = table.boxes.places[:, :2], table.boxes.places[:, 2:]
    # One person may stay in the picture's upper left corner, several at a time hardly do.
    if len(np.unique(table.frames)) == len(table.frames) or not (extent > corner).all():
        return []
    return [
        f"{table.path}: each box is wider than it is far from the left edge, and higher than from the top one: are its "
        "columns two corners, x1, y1, x2, y2? They are read as left, top, width, height; a CSV file may name others"
    ]


def _on_true_boxes(truth: BoxTable, tracks: BoxTable) -> int:
    """How many boxes lie on a true one of their frame; at most one on each."""
    common = np.intersect1d(truth.frames, tracks.frames).tolist()
    each = (overlaps(tracks.of(frame).places, truth.of(frame).places) >= MATCH for frame in common)
    return sum(min(int(frame.any(axis=side).sum()) for side in (0, 1)) for frame in each)


def _arguments() -> argparse.Namespace:
    parser = CommandParser(__doc__)
    parser.add_argument("--films", nargs="+", type=expanded_path, metavar="DIR", help="sets of films with their truth")
    parser.add_argument("--film", type=expanded_path, help="a film with --truth and --boxes")
    parser.add_argument("--truth", type=expanded_path, metavar="FILE", help="true boxes, as the MOT-Challenge's gt.txt")
    parser.add_argument("--boxes", type=expanded_path, metavar="FILE", help="a detector's boxes of --film")
    parser.add_argument("--tracks", type=expanded_path, metavar="FILE", help="tracks to be scored against --truth")
    parser.add_argument(
        "--name", nargs="+", type=run_name, default=(), help="the re-ID models that link and join, each on its own"
    )
    parser.add_argument(
        "--threshold", nargs="+", type=between(-1.0, 1.0), default=(), help="least cosines of the tracks of a person"
    )
    parser.add_argument("--tracker", choices=tuple(TRACKERS), default="bytetrack", help="(default: bytetrack)")
    parser.add_argument("--gap", type=above(0.0, 3600.0), default=1.0, help="as in find_people (default: 1)")
    parser.add_argument("--track-score", type=between(0.0, 1.0), help="as in find_people (default: the tracker's)")
    parser.add_argument(
        "--output", type=path_ending(".json"), metavar="FILE.json", help="keeps each set's figures; goes on from them"
    )
    add_device(parser)
    args = parser.parse_args()
    given = tuple(name for name in ("films", "film", "truth", "boxes", "tracks") if getattr(args, name) is not None)
    if given not in (("films",), ("film", "truth", "boxes"), ("truth", "tracks")):
        raise UserError(
            "give --films, or --film with --truth and --boxes, or --truth with --tracks, got "
            + (" and ".join(f"--{name}" for name in given) or "none of them")
        )
    if bool(args.name) != bool(args.threshold):
        raise UserError("--name and --threshold belong together: the model that links and joins, and its least cosine")
    if len(args.name) > (most := len(string.ascii_uppercase)):
        raise UserError(f"--name takes at most {most} models, got {len(args.name)}")
    if args.output is not None and args.tracks is not None:
        raise UserError("--output keeps the figures of films, leave it out with --tracks")
    return args


if __name__ == "__main__":
    command(main)
