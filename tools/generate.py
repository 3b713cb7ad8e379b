"""Generate a set of images with a trained DG-Net: image files, and a manifest with their sources, labels and scores.

    python tools/generate.py --name NAME                            the official protocol: every training image once as
                                                                    appearance, with the structure of another image
    python tools/generate.py --name NAME --count 128307             DG-Market's size, from Market-1501's 12,936 images
    python tools/generate.py --name NAME --per-identity 24          24 images for each identity
    python tools/generate.py --name NAME --appearances A.txt --structures B.txt      all pairs of two lists of images
    python tools/generate.py --name NAME --pairs-file pairs.csv     a file with the columns appearance and structure
    python tools/generate.py --name NAME ... --resume               continue an unfinished set
    python tools/generate.py --name NAME --count 200000 --extend    add pairs to a set
    python tools/generate.py --verify SET                           read every image again and compare its hash
    python tools/generate.py --audit SET                            look for copies of training images in a set
    torchrun --nproc-per-node 8 tools/generate.py --name NAME ...   several processes, the same images

SET holds images/IDENTITY/, manifest.csv (sources, identities, cameras, soft label, scores, hashes) and set.json (the
generator's checkpoint, the data set and its license). tools/train.py and tools/evaluate_gan.py take it as it is.
DG-Market's size takes 2.8 core hours with --precision bf16 --no-scores and 4.7 in fp32 (extrapolated from 144 images,
0.079 and 0.132 processor seconds each at 256x128, by tools/bench.py generate on an AMD EPYC, shared, torch 2.15; labels
and scores come on top, not measured; on a GPU: not measured).

--audit compares every generated image with its nearest training image, and photographs of other people with theirs: the
test people of the data set, or the images in --held-out. What is nearer than 99 % of those is a suspected copy; about
1 % of a set is so by chance. The report is in SET/audit, each image's nearest training image and distance in the
manifest; an audit made again replaces both (eval/images/memorization.py).

No image depends on the batch size or the number of processes: see dgnet/generation/engine.py. Nothing that exists is
deleted or overwritten.
"""

import argparse
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.cli import CommandParser
from dgnet.core.content import content_digest, content_hashes
from dgnet.core.errors import UserError, command
from dgnet.core.images import image_files, print_passed_over
from dgnet.core.option_types import above, at_least, expanded_path, from_to
from dgnet.core.stopwatch import Stopwatch
from dgnet.generation.audit import audited_set
from dgnet.generation.create_set import open_set
from dgnet.generation.manifest import write_audit
from dgnet.generation.request import SetRequest
from dgnet.generation.verify import verify
from eval.images.memorization_metrics import PROTOCOL, audited
from eval.report.report import Report, as_table, write_report
from visual.options import add_run_options


def parser() -> argparse.ArgumentParser:
    """The options; each is a field of `SetRequest`."""
    described = CommandParser(__doc__)
    run = add_run_options(described)
    run.add_argument(
        "--precision",
        choices=("fp32", "tf32", "bf16", "fp16"),
        default="fp32",
        help="precision of the networks (default: fp32)",
    )
    data = described.add_argument_group("the source images (default: the data set that the run was trained on)")
    data.add_argument("--data", type=expanded_path, metavar="DIR", help="that data set, if it has moved")
    data.add_argument("--other-data", action="store_true", help="--data names another data set than the run's")
    data.add_argument("--license", help="a note about the source images, for set.json (default: what is known of them)")
    plan = described.add_argument_group("the pairs (default: the official protocol)")
    plan.add_argument("--count", type=at_least(1), help="so many pairs by the official protocol, repeated as needed")
    plan.add_argument("--per-identity", type=at_least(1), metavar="N", help="N pairs for each training identity")
    plan.add_argument(
        "--appearances",
        type=expanded_path,
        metavar="FILE",
        help="a text file with one image of the data set on each line",
    )
    plan.add_argument(
        "--structures", type=expanded_path, metavar="FILE", help="likewise; every pair of the two lists is generated"
    )
    plan.add_argument(
        "--pairs-file",
        dest="pairs",
        type=expanded_path,
        metavar="FILE",
        help="a CSV file with the columns appearance, structure",
    )
    plan.add_argument("--seed", type=at_least(0), default=0, help="seed of the pairs (default: 0)")
    scores = described.add_argument_group("the scores")
    scores.add_argument(
        "--teacher",
        type=expanded_path,
        metavar="FILE",
        help="the network that gives the soft labels (default: the run's teacher, else the generator's classifier)",
    )
    scores.add_argument(
        "--no-scores",
        action="store_true",
        help="no soft labels and no scores: saves a pass of the teacher over every image",
    )
    files = described.add_argument_group("the files")
    files.add_argument(
        "--output",
        type=expanded_path,
        metavar="SET",
        help="the set's folder (default: generated/ITERATION_PAIRS in the run's folder)",
    )
    files.add_argument(
        "--jpeg-quality", type=from_to(1, 100), metavar="Q", help="JPEG of this quality, 1 to 100 (default: PNG)"
    )
    files.add_argument("--resume", action="store_true", help="continue an unfinished set")
    files.add_argument("--extend", action="store_true", help="like --resume, and add the pairs that it does not have")
    files.add_argument("--verify", type=expanded_path, metavar="SET", help="check a set and do nothing else")
    files.add_argument(
        "--audit",
        type=expanded_path,
        metavar="SET",
        help="look for copies of training images in a set and do nothing else; --data, if its data set has moved",
    )
    files.add_argument(
        "--held-out",
        type=expanded_path,
        metavar="DIR",
        help="with --audit: photographs of people that the generator never saw (default: the data set's test people)",
    )
    speed = described.add_argument_group("speed and memory; they change no image")
    speed.add_argument("--batch-size", type=at_least(1), default=64, help="pairs handled at a time (default: 64)")
    speed.add_argument(
        "--memory", type=above(0, 2**20), default=2.0, metavar="GIB", help="memory for codes, per process (default: 2)"
    )
    speed.add_argument(
        "--threads", type=at_least(1), default=2, help="threads that write files, per process (default: 2)"
    )
    return described


def main() -> int:
    args = parser().parse_args()
    if args.verify is not None:
        return check(args.verify)
    if args.audit is not None:
        audit(args.audit, args.data, args.held_out)
        return 0
    if args.held_out is not None:
        raise UserError("--held-out belongs to --audit: give that, too")
    options = vars(args)
    for name in ("verify", "audit", "held_out"):
        del options[name]
    create(SetRequest(**options))
    return 0


def create(request: SetRequest) -> None:
    """Create a set and print what will be and what was done."""
    with open_set(request) as opened:
        if opened.is_main:
            print(opened, file=sys.stderr)
        created = opened.create()
        if opened.is_main:
            print(created)


def check(folder: Path) -> int:
    """Print what is wrong with a set; exit status 1 if anything is."""
    verification = verify(folder)
    for problem in verification.problems:
        print(problem)
    planned = "" if verification.planned is None else f" of {verification.planned} planned"
    print(f"{folder}: {verification.images} images{planned}, {len(verification.problems)} problems")
    if verification.planned not in (None, verification.images):
        raise UserError(f"{folder} is not finished: continue with --resume")
    return 1 if verification.problems else 0


def audit(folder: Path, data: Path | None, held_out: Path | None) -> None:
    """Look for copies of training images; print the figures and the suspected copies, write the report and manifest."""
    target = audited_set(folder, data)
    if held_out is not None:
        print_passed_over(held_out)
    others = list(target.held_out) if held_out is None else image_files(held_out)
    files, names = [folder / name for name in target.files], list(target.training)
    watch = Stopwatch()
    with watch.stage("audit"):
        result, metrics, section = audited(files, list(target.training.values()), others)
    columns = zip(result.nearest.tolist(), result.distances.tolist(), result.suspected.tolist(), strict=True)
    write_audit(
        folder,
        {
            file: (names[nearest], distance, suspected)
            for file, (nearest, distance, suspected) in zip(target.files, columns, strict=True)
        },
    )
    print(as_table(metrics))
    for image in result.nearest_first[: int(result.suspected.sum())].tolist():
        print(f"{result.distances[image]:.4f}  {target.files[image]}  {names[int(result.nearest[image])]}")
    report = Report(
        f"Copies of training images in {folder.name}",
        metrics,
        command=shlex.join(["python", "tools/generate.py", *sys.argv[1:]]),
        counts={"generated images": len(files), "training images": len(names), "held-out photographs": len(others)},
        data={
            "generated": content_digest(content_hashes(files)),
            "training": content_digest(content_hashes(list(target.training.values()))),
            "held out": content_digest(content_hashes(others)),
        },
        protocols={"audit": PROTOCOL},
        seconds=watch.seconds,
    )
    print(f"\n{write_report(report, folder / 'audit', overwrite=True, sections=[section])[-1]}")


if __name__ == "__main__":
    command(main)
