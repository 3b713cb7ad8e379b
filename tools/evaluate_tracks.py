"""Print how well tracks follow people: IDF1, HOTA, MOTA, identity switches, and how often a person is found.

    python tools/evaluate_tracks.py --truth gt.txt --tracks boxes.txt               a file of tracks, of any program
    python tools/evaluate_tracks.py --films data/films1 data/films2 --name pedestrians --threshold 0.6
    python tools/evaluate_tracks.py --film street.mp4 --boxes det.txt --truth gt.txt --name bnneck --threshold 0.6

--films takes sets of tools/make_synthetic.py --video. Their people are found as by tools/find_people.py, from the true
boxes without identities (those that can be seen) and from the boxes with errors: linked by motion alone, joined by the
re-ID model at each threshold, and linked and joined by it. Each set counts once; means have the 95 % interval of
Student's t over the sets, and so have the differences from motion alone. Several cameras of a set are summed as
sequences of the MOT-Challenge are. "IDF1 over cameras" asks for the same identity in all films of a set.

"Found at rank 1": the query is the middle one of a person's crops by a camera that can be seen to 0.9 or more (or the
best), the gallery are the tracks of the other cameras; of a single film, all tracks but the query's own.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.cli import CommandParser, add_device
from dgnet.core.content import content_hashes
from dgnet.core.errors import UserError, command
from dgnet.core.numerics import open_device
from dgnet.core.option_types import above, between, expanded_path, run_name
from dgnet.video.box_columns import NOT_COUNTED, OTHER_CLASS
from dgnet.video.box_files import BoxTable, read_boxes
from dgnet.video.linking import TRACKERS
from dgnet.video.synthetic_films import TrueFilm, films_of
from eval.report.paired import paired_difference
from eval.tracks.scores import MATCH, overlaps, track_scores
from reid_heads.load import load_model
from tools.benchmarks.track_experiment import Outcome, evaluate_films, tracked_boxes


def main() -> int:
    args = _arguments()
    if args.tracks is not None:
        truth, tracks = read_boxes(args.truth), read_boxes(args.tracks)
        scores = track_scores([tracked_boxes(truth)], [tracked_boxes(tracks)])
        print(f"{truth}\n{tracks}")
        for remark in _remarks(truth, tracks):
            print(remark, file=sys.stderr)
        print(f"IDF1 {100 * scores.idf1:.1f}  HOTA {100 * scores.hota:.1f}  MOTA {100 * scores.mota:.1f}")
        print(f"{scores.switches} identity switches, {scores.true_boxes} true boxes")
        return 0
    if args.films:
        _refuse_equal_sets(args.films)
    model = load_model(args.name, device=open_device(args.device)) if args.name is not None else None
    if model is not None:
        print(f"model: {model.name}")
    sets = (
        [films_of(folder) for folder in args.films] if args.films else [[TrueFilm(args.film, args.truth, args.boxes)]]
    )
    for kind in ("true boxes", "boxes with errors" if args.films else "detected boxes"):
        outcomes = []
        for films in sets:
            with tempfile.TemporaryDirectory() as folder:
                outcomes.append(
                    evaluate_films(
                        films,
                        Path(folder) / "people",
                        true_boxes=kind == "true boxes",
                        tracker=args.tracker,
                        gap=args.gap,
                        track_score=args.track_score,
                        model=model,
                        thresholds=args.threshold or (),
                    )
                )
        print(f"\n{kind}, {len(sets)} {'sets of films' if args.films else 'film'}")
        _print_table(outcomes)
    return 0


def _refuse_equal_sets(folders: Sequence[Path]) -> None:
    """`UserError` for a set that is there twice: the intervals are those of sets that have nothing to do with each
    other."""
    known: dict[tuple[str, ...], Path] = {}
    for folder in folders:
        content = content_hashes([path for film in films_of(folder) for path in (film.truth, film.boxes)])
        if content in known:
            raise UserError(f"--films: {known[content]} and {folder} are the same set; every set must be another one")
        known[content] = folder


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
    return said


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
    parser.add_argument("--name", type=run_name, help="the re-ID model that links and joins")
    parser.add_argument(
        "--threshold", nargs="+", type=between(-1.0, 1.0), help="least cosines of the tracks of a person"
    )
    parser.add_argument("--tracker", choices=tuple(TRACKERS), default="bytetrack", help="(default: bytetrack)")
    parser.add_argument("--gap", type=above(0.0, 3600.0), default=1.0, help="as in find_people (default: 1)")
    parser.add_argument("--track-score", type=between(0.0, 1.0), help="as in find_people (default: the tracker's)")
    add_device(parser)
    args = parser.parse_args()
    given = tuple(name for name in ("films", "film", "truth", "boxes", "tracks") if getattr(args, name) is not None)
    if given not in (("films",), ("film", "truth", "boxes"), ("truth", "tracks")):
        raise UserError(
            "give --films, or --film with --truth and --boxes, or --truth with --tracks, got "
            + (" and ".join(f"--{name}" for name in given) or "none of them")
        )
    if (args.name is None) != (args.threshold is None):
        raise UserError("--name and --threshold belong together: the model that links and joins, and its least cosine")
    return args


# Name -> of an outcome's row; shown as percent unless it is a count.
_COLUMNS = ("IDF1", "HOTA", "MOTA", "switches", "IDF1 over cameras")


def _print_table(outcomes: Sequence[Outcome]) -> None:
    """A line for motion alone and one for each threshold, then rank 1."""
    width = max(len(name) for name in outcomes[0].rows) + 2
    print(" " * width + "".join(f"{column:>24}" for column in _COLUMNS))
    motion = next(iter(outcomes[0].rows))
    for name in outcomes[0].rows:
        values = {column: [outcome.rows[name][column] for outcome in outcomes] for column in _COLUMNS}
        print(f"{name:<{width}}" + "".join(f"{_with_interval(values[column]):>24}" for column in _COLUMNS))
        if name != motion and len(outcomes) > 1:
            befores = {column: [outcome.rows[motion][column] for outcome in outcomes] for column in _COLUMNS}
            changes = [paired_difference(values[column], befores[column]) for column in _COLUMNS]
            print(
                f"{'  difference':<{width}}"
                + "".join(f"{f'{one.mean:+.1f} ({one.low:+.1f} to {one.high:+.1f})':>24}" for one in changes)
            )
    for name in outcomes[0].found:
        found = [outcome.found[name] for outcome in outcomes if outcome.found[name][1]]
        if not found:
            print(f"found at rank 1, {name}: not measured, no person has a second track")
            continue
        right, asked = sum(one for one, _ in found), sum(count for _, count in found)
        shares = _with_interval([100 * one / count for one, count in found])
        print(f"found at rank 1, {name}: {right} of {asked} queries, {100 * right / asked:.1f} %; a set: {shares}")


def _with_interval(values: Sequence[float]) -> str:
    if len(values) < 2:
        return f"{values[0]:.1f}"
    interval = paired_difference(values, [0.0] * len(values))
    return f"{interval.mean:.1f} ({interval.low:.1f} to {interval.high:.1f})"


if __name__ == "__main__":
    command(main)
