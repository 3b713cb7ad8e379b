"""Write the page of a run: one HTML file that opens offline, on a phone, and can be mailed.

    python tools/report.py --name demo
    python tools/report.py --name market --iteration 100000 --output market.html

Swaps of test people, the accuracy of DG-Net's encoder without and with re-ranking, its best and worst retrievals, the
curves of the training, every setting, the data, the machine. Metrics of a report.json in the run's folder are shown
too. Without --name it is the latest run below OUTPUT/outputs. The accuracy needs every query and gallery image through
the network: on a CPU minutes for a small data set, hours for a large one; --without-accuracy leaves it out.
"""

import argparse
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.checkpoint import file_hash
from dgnet.core.cli import CommandParser, add_run
from dgnet.core.device import choose_device
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError, command
from dgnet.core.files import check_place, replace_text
from dgnet.core.option_types import expanded_path
from dgnet.core.stopwatch import Stopwatch
from dgnet.data.training_data import open_dataset
from dgnet.generation.load import find_generator
from dgnet.runs.scalars import read_scalars
from eval.report.accuracy import PROTOCOLS
from eval.report.page import HtmlSection
from eval.report.report import JSON_NAME, MetricValue, Report, as_html, read_report
from tools.evaluation.accuracy import accuracy_of, split_counts
from tools.evaluation.options import add_device_options, add_mirrored_option
from tools.evaluation.reid_extractor import encoder_extractor
from tools.evaluation.run_page import curves_section, scored_section, settings_section, swap_section
from tools.evaluation.stored_features import features_of_dataset

PAGE, SCALARS = "page.html", "scalars.csv"


def arguments() -> argparse.Namespace:
    parser = CommandParser(__doc__)
    add_run(parser)
    parser.add_argument(
        "--output", type=expanded_path, metavar="FILE", help=f"the page (default: {PAGE} in the run's folder)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a page that is there")
    parser.add_argument("--without-accuracy", action="store_true", help="do not measure re-identification")
    add_mirrored_option(parser)
    add_device_options(parser)
    return parser.parse_args()


def main() -> int:
    args = arguments()
    watch = Stopwatch()
    stored = find_generator(args.name, args.output_path, args.iteration, choose_device(args.device))
    folder = stored.files[0].parent.parent
    page = args.output or folder / PAGE
    if page.exists() and not args.overwrite:
        raise UserError(f"{page} is there already: name another file by --output or give --overwrite")
    check_place(page)
    dataset = open_dataset(stored.config.data, Distributed.start("cpu"))
    with watch.stage("swaps"):
        first = [swap_section(stored, dataset)]
    metrics, known, missing = stored_report(folder)
    sections: list[HtmlSection] = []
    if not args.without_accuracy and dataset.query and dataset.gallery:
        with watch.stage("accuracy"):
            extractor = encoder_extractor(stored, stored.name, args.mirrored is not False)
            features = features_of_dataset(
                dataset,
                extractor,
                file_hash(stored.files[0]),
                network=stored.name,
                batch=args.batch_size,
                workers=args.workers,
            )
            accuracy = accuracy_of(features, dataset, extractor.name)
        metrics, sections = [*metrics, *accuracy.metrics], list(accuracy.sections)
        with watch.stage("swaps by identity score"):
            sections.append(scored_section(stored, dataset, extractor, features.splits["query"].features))
        known |= {"standard": PROTOCOLS["standard"]}
    if (folder / SCALARS).exists() and (rows := read_scalars(folder / SCALARS)):
        sections.append(curves_section(rows))
    report = Report(
        f"The run {stored.name}, after {stored.iteration:,} iterations",
        metrics,
        command=shlex.join(["python", "tools/report.py", *sys.argv[1:]]),
        splits=split_counts(dataset),
        protocols=known,
        not_measured=missing,
        checkpoints={str(path): file_hash(path) for path in stored.files},
        seconds=watch.seconds,
    )
    page.parent.mkdir(parents=True, exist_ok=True)
    replace_text(page, as_html(report, folder, [*sections, settings_section(stored)], first))
    print(f"{page}: {page.stat().st_size / 1000:,.0f} kB, one file")
    return 0


def stored_report(folder: Path) -> tuple[list[MetricValue], dict[str, str], dict[str, str]]:
    """Metrics, protocols and what was not measured of the report in the run's folder, if it has one."""
    if not (folder / JSON_NAME).exists():
        return [], {}, {}
    report = read_report(folder / JSON_NAME)
    protocols = {f"as in {JSON_NAME}": f"measured by {report.command}", **report.protocols}
    return report.metrics, protocols, report.not_measured


if __name__ == "__main__":
    command(main)
