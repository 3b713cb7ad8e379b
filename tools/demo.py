"""The demo: built-in pedestrians, a teacher, a small DG-Net, and a report on its swaps.

    make demo
    python tools/demo.py
    python tools/demo.py --name other        # a second demo beside it
    python tools/demo.py --dry-run           # the settings and how long it would take here; writes nothing

Renders the pedestrians, trains the teacher and DG-Net, and writes true_swaps.png, swaps.png, losses.png, report.json,
report.md and report.html to OUTPUT/outputs/NAME. If it is stopped, it continues when it is started again.
"""

import shlex
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import yaml

from dgnet.config import Config, load_config, resolved
from dgnet.core.checkpoint import file_hash
from dgnet.core.cli import CommandParser, add_output_path, add_settings
from dgnet.core.convolution_rate import OPERATION, convolution_rate
from dgnet.core.device import choose_precision
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError, command
from dgnet.core.machine import machine
from dgnet.core.option_types import expanded_path, folder_name
from dgnet.core.settings import as_settings
from dgnet.core.stopwatch import Stopwatch
from dgnet.data.description import split_counts
from dgnet.data.training_data import open_dataset
from dgnet.generation.load import find_generator, teacher_of
from dgnet.models.model_file import read_model_file
from dgnet.runs.folder import CONFIG, config_changes
from dgnet.training.checks import check_networks
from dgnet.training.demo_estimate import CLASSIFIER, TOTAL, demo_seconds
from dgnet.training.independent_classifier import (
    check_independent_classifier,
    classifier_name,
    train_independent_classifier,
)
from dgnet.training.job import LENGTH, MAY_CHANGE, SECTIONS, Job
from dgnet.training.pipeline import job_teachers, train_job
from eval.reid.dataset_features import features_of_dataset
from eval.reid.embedding_model import description
from eval.reid_accuracy import accuracy_of
from eval.report.accuracy import ACCURACY
from eval.report.report import JSON_NAME, MARKDOWN_NAME, PAGE_NAME, Picture, Report, as_table, read_report, write_report
from eval.report.result import described
from reid_heads.load import appearance_model
from tools.measure_swaps import PAIRS, announced, measure
from visual.drawing.demo_pictures import TRUE_SWAPS, draw_demo_pictures, draw_true_swaps
from visual.drawing.swap import fixed_grid

PICTURES = [
    Picture(
        "swaps.png",
        "Swaps of people that training never saw. Each row wears the clothes of the image at its left, each column has "
        "the pose, body and place of the image at its top. Right of the first and the fourth column, framed in green, "
        'stands the "true swap": the program that draws these people has drawn what a perfect answer looks like.',
    ),
    Picture("losses.png", "What training minimizes: each term of the losses, without its weight, by iteration."),
]


def main() -> int:
    parser = CommandParser(__doc__)
    default = Path(__file__).resolve().parents[1] / "configs/demo.yaml"
    parser.add_argument(
        "--config", type=expanded_path, default=default, help="a YAML file (default: configs/demo.yaml)"
    )
    add_settings(parser)
    parser.add_argument("--name", type=folder_name, help="folder of the demo (default: the configuration's name)")
    add_output_path(parser)
    parser.add_argument("--dry-run", action="store_true", help="print settings and an estimate of the time, and stop")
    parser.add_removed_option("--resume", "an unfinished demo continues whenever it is started again")
    args = parser.parse_args()
    config = load_config(args.config, [*args.settings, *as_settings({"name": args.name})])
    if config.data.layout != "synthetic":
        raise UserError(f"{args.config}: the demo needs data.layout 'synthetic', got {config.data.layout!r}")
    people = config.data.synthetic.test_identities
    if people < 2:
        raise UserError(f"{args.config}: the demo needs data.synthetic.test_identities of at least 2, got {people}")
    if args.dry_run:
        print(yaml.safe_dump(resolved(config), sort_keys=False))
        print_estimate(Job(config, args.output_path, Distributed.start(config.run.device)))
        return 0
    folder = args.output_path / "outputs" / config.name
    if all((folder / name).exists() for name in (JSON_NAME, MARKDOWN_NAME)):
        # The metrics are those of its own settings.
        config_changes(folder, resolved(config), MAY_CHANGE, resolved(Config()))
        print(as_table(read_report(folder / JSON_NAME).metrics))
        print(f"\nThis demo was finished before. {where(folder)}")
        print("Another one beside it: python tools/demo.py --name other")
        return 0
    try:
        demo(config, args.output_path)
    except KeyboardInterrupt:
        print("interrupted; start it again to continue", file=sys.stderr)
        return 130
    return 0


def demo(config: Config, output: Path) -> None:
    """Everything from the pedestrians to the report. `RunStopped` where one of its runs is asked to stop."""
    watch = Stopwatch()
    distributed = Distributed.start(config.run.device)
    runs = [output / "outputs" / name / CONFIG for name in (f"{config.name}_teacher", config.name)]
    # The times of an earlier start are not known any more: what is measured now is called by its name.
    left = [", what was left of it" if run.exists() else "" for run in runs]
    job = Job(config, output, distributed, resume=any(left), resume_option=None)
    estimates = {} if any(left) else print_estimate(job)
    print(f"Pedestrians in {config.data.root}", flush=True)
    with watch.stage("pedestrians"):
        dataset = open_dataset(config.data, distributed)
    classifier_run = classifier_name(job, config.name)
    check_independent_classifier(job, dataset, classifier_run)
    distributed.on_main(lambda: job.refuse_folder(config.name, SECTIONS, LENGTH))
    folder = job.folder(config.name)
    with watch.stage("pictures"):
        draw_true_swaps(config, dataset, folder)
    print(f"The first picture, what DG-Net is to learn: {folder / TRUE_SWAPS}", flush=True)
    with watch.stage(f"teacher{left[0]}"):
        teachers = job_teachers(job, dataset)
    if config.run.image_every:
        print(f"Swaps every {config.run.image_every} iterations: {folder / 'images'}", flush=True)
    with watch.stage(f"DG-Net{left[1]}"):
        train_job(job, dataset, fixed_grid(config, dataset))
    with watch.stage(CLASSIFIER):
        classifier = train_independent_classifier(job, dataset, classifier_run)

    stored = find_generator(config.name, output, device=distributed.device)
    with watch.stage("pictures"):
        draw_demo_pictures(stored, dataset, folder)
    print(f"Swaps beside the true ones: {folder / 'swaps.png'}", flush=True)
    taught_by = teacher_of(stored) if teachers else None
    teacher = None if taught_by is None else read_model_file(taught_by, distributed.device)
    model = appearance_model(stored)
    (weights,) = stored.files
    with announced(watch, "features of the test images"):
        features = features_of_dataset(dataset, model, file_hash(weights), network=config.name)
    metrics = measure(stored, teacher, read_model_file(classifier, distributed.device), dataset, watch, features)
    with announced(watch, "ranked lists"):
        accuracy = accuracy_of(features, dataset, description(model))
    # mAP and ranks are among the metrics already, beside those of the teacher.
    metrics += [metric for metric in accuracy.metrics if metric.section != ACCURACY]
    precision = choose_precision(config.run.precision, distributed.device)
    rate = f"{convolution_rate(precision, distributed.device):.0f} GFLOP/s ({OPERATION}, {precision})"
    report = Report(
        "DG-Net on built-in pedestrians",
        metrics,
        command=shlex.join(["python", "tools/demo.py", *sys.argv[1:]]),
        counts={
            "training identities": len(dataset.identities),
            "test identities, never trained on": len({record.identity for record in dataset.query}),
            "iterations of DG-Net": stored.iteration,
            "images per iteration": 2 * config.run.batch_size,
        },
        splits=split_counts(dataset),
        protocols=accuracy.protocols,
        not_measured=accuracy.not_measured,
        checkpoints={str(weights): features.checkpoint},
        seconds=watch.seconds,
        estimated_seconds=estimates,
        machine=described(machine()) | {"trained in": precision} | {"convolution rate": rate},
        pictures=PICTURES,
    )
    write_report(report, folder, overwrite=True, sections=accuracy.sections)
    print(as_table(metrics))
    estimated = f" (estimated {estimates[TOTAL]:.0f} s)" if estimates else ""
    print(f"\n{sum(watch.seconds.values()):.0f} s{estimated}. {where(folder)}")


def print_estimate(job: Job) -> dict[str, float]:
    """Print how long each phase of the demo may take on this machine; the seconds by phase, and all together.

    `UserError` where the networks do not fit together.
    """
    began, config, distributed = time.perf_counter(), job.config, job.distributed
    check_networks(config, config.data.synthetic.train_identities, distributed)
    precision = choose_precision(config.run.precision, distributed.device)
    rate = convolution_rate(precision, distributed.device)
    seconds = demo_seconds(config, distributed, PAIRS)
    print(f"Estimate for this machine ({rate:.0f} GFLOP/s in convolutions, {precision}), after trying each phase:")
    print(*(f"  {words(value):>10}  {name}" for name, value in seconds.items()), sep="\n")
    print(f"Other work on the machine makes it longer. ({time.perf_counter() - began:.0f} s to find out)", flush=True)
    return seconds


def words(seconds: float) -> str:
    """Minutes from two minutes on, seconds below."""
    return f"{seconds / 60:.1f} min" if seconds >= 120 else f"{seconds:.0f} s"


def where(folder: Path) -> str:
    """What to look at."""
    return f"Look at {folder / PAGE_NAME}, or at {folder / MARKDOWN_NAME} and the pictures beside it."


if __name__ == "__main__":
    command(main)
