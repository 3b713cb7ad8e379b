"""The demo: built-in pedestrians, a teacher, a small DG-Net, and a report on its swaps.

    make demo
    python tools/demo.py
    python tools/demo.py --name other        # a second demo beside it

Renders the pedestrians, trains the teacher and DG-Net, and writes swaps.png, losses.png, report.json, report.md and
report.html to OUTPUT/outputs/NAME. If it is stopped, it continues when it is started again.
"""

import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


from dgnet.config import Config, load_config, resolved
from dgnet.core.checkpoint import file_hash
from dgnet.core.cli import CommandParser, add_output_path, add_settings
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
from dgnet.training.independent_classifier import check_independent_classifier, train_independent_classifier
from dgnet.training.pipeline import MAY_CHANGE, Job
from eval.reid.dataset_features import features_of_dataset
from eval.reid.embedding_model import description
from eval.reid_accuracy import accuracy_of
from eval.report.accuracy import ACCURACY
from eval.report.report import JSON_NAME, MARKDOWN_NAME, PAGE_NAME, Picture, Report, as_table, read_report, write_report
from eval.report.result import described
from reid_heads.load import appearance_model
from tools.measure_swaps import measure
from visual.drawing.demo_pictures import draw_demo_pictures
from visual.drawing.swap import fixed_grid

PICTURES = [
    Picture(
        "swaps.png",
        "Identities that training never saw. A row wears the clothes of its first image, a column has the pose, "
        "body and place of its first image; the true swap stands beside some columns, framed in green.",
    ),
    Picture("losses.png", "Every term of the losses without its weight."),
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
    parser.add_removed_option("--resume", "an unfinished demo continues whenever it is started again")
    args = parser.parse_args()
    config = load_config(args.config, [*args.settings, *as_settings({"name": args.name})])
    if config.data.layout != "synthetic":
        raise UserError(f"{args.config}: the demo needs data.layout 'synthetic', got {config.data.layout!r}")
    people = config.data.synthetic.test_identities
    if people < 2:
        raise UserError(f"{args.config}: the demo needs data.synthetic.test_identities of at least 2, got {people}")
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
    print(f"Pedestrians in {config.data.root}", flush=True)
    with watch.stage("pedestrians"):
        dataset = open_dataset(config.data, distributed)
    runs = [output / "outputs" / name / CONFIG for name in (f"{config.name}_teacher", config.name)]
    # The times of an earlier start are not known any more: what is measured now is called by its name.
    left = [", what was left of it" if run.exists() else "" for run in runs]
    job = Job(config, output, distributed, resume=any(left), resume_option=None)
    classifier_name = f"{config.name}_witness"
    check_independent_classifier(job, dataset, classifier_name)
    with watch.stage(f"teacher{left[0]}"):
        teachers = job.teachers(dataset)
    with watch.stage(f"DG-Net{left[1]}"):
        job.train(dataset, fixed_grid(config, dataset))
    with watch.stage("classifier that DG-Net never saw"):
        classifier = train_independent_classifier(job, dataset, classifier_name)

    folder = job.folder(config.name)
    stored = find_generator(config.name, output, device=distributed.device)
    with watch.stage("pictures"):
        draw_demo_pictures(stored, dataset, folder)
    taught_by = teacher_of(stored) if teachers else None
    teacher = None if taught_by is None else read_model_file(taught_by, distributed.device)
    print("Measuring", flush=True)
    metrics = measure(stored, teacher, read_model_file(classifier, distributed.device), dataset, watch)
    with watch.stage("ranked lists"):
        model = appearance_model(stored)
        (weights,) = stored.files
        features = features_of_dataset(dataset, model, file_hash(weights), network=config.name)
        accuracy = accuracy_of(features, dataset, description(model))
    # mAP and ranks are among the metrics already, beside those of the teacher.
    metrics += [metric for metric in accuracy.metrics if metric.section != ACCURACY]
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
        machine=described(machine()) | {"trained in": choose_precision(config.run.precision, distributed.device)},
        pictures=PICTURES,
    )
    write_report(report, folder, overwrite=True, sections=accuracy.sections)
    print(as_table(metrics))
    print(f"\n{sum(watch.seconds.values()):.0f} s. {where(folder)}")


def where(folder: Path) -> str:
    """What to look at."""
    return f"Look at {folder / PAGE_NAME}, or at {folder / MARKDOWN_NAME} and the pictures beside it."


if __name__ == "__main__":
    command(main)
