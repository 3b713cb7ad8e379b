"""Write the page of a run: one HTML file that opens offline, on a phone, and can be mailed.

    python tools/report.py --name demo
    python tools/report.py --name market --iteration 100000 --output market.html

It shows swaps of test identities, the accuracy of DG-Net's encoder without and with re-ranking, the best and worst
ranked lists, the training curves, all settings, the data set and the machine, and the metrics of report.json in the
run's folder and of the newest report of tools/evaluate_gan.py. Without --name it takes the latest run below
OUTPUT/outputs. For the accuracy every query and gallery image passes through the network: on a CPU this takes minutes
for a small data set, hours for a large one; --without-accuracy leaves it out.
"""

import argparse
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.errors import UserError, command

# isort: split
# dgnet says how idle threads wait before torch is loaded.
import numpy as np
import torch
import yaml

from dgnet.config import resolved
from dgnet.core.checkpoint import file_hash
from dgnet.core.cli import CommandParser, add_mirrored, add_run
from dgnet.core.content import labeled_digest
from dgnet.core.distributed import Distributed
from dgnet.core.files import check_place, replace_text
from dgnet.core.numerics import open_device
from dgnet.core.option_types import expanded_path, path_ending
from dgnet.core.stopwatch import Stopwatch
from dgnet.data.cache import ImageCache
from dgnet.data.datasets import read_dataset
from dgnet.data.description import split_counts
from dgnet.data.records import Dataset
from dgnet.data.training_data import open_dataset, require_data_of_run
from dgnet.generation.engine import generate
from dgnet.generation.load import find_generator
from dgnet.generation.swap_pairs import draw_pairs, one_image_per_identity
from dgnet.models.swap import swap_all
from dgnet.runs.loaded_generator import LoadedGenerator
from dgnet.runs.scalars import read_scalars
from eval.extractor import features_of
from eval.options import add_device_options
from eval.reid.dataset_features import features_of_dataset
from eval.reid.embedding_model import description, extractor_of
from eval.reid_accuracy import accuracy_of
from eval.report.accuracy import score_section
from eval.report.merged import merged_reports
from eval.report.page import HtmlSection
from eval.report.report import Report, as_html
from eval.report.run_sections import curves_section, settings_section, swap_section
from reid_heads.load import appearance_model
from reid_heads.loaded_model import LoadedModel
from visual.job import unseen_records

PAGE, SCALARS = "page.html", "scalars.csv"
PEOPLE = 7  # in the table of swaps
SCORED_SWAPS = 96


def arguments() -> argparse.Namespace:
    parser = CommandParser(__doc__)
    add_run(parser)
    parser.add_argument(
        "--output",
        type=path_ending(".html", ".htm"),
        metavar="FILE",
        help=f"the page (default: {PAGE} in the run's folder)",
    )
    parser.add_argument("--data", type=expanded_path, metavar="DIR", help="the run's data set, if it has moved")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing page")
    parser.add_argument(
        "--without-accuracy", action="store_true", help="do not measure the accuracy of re-identification"
    )
    add_mirrored(parser)
    add_device_options(parser)
    return parser.parse_args()


def main() -> int:
    args = arguments()
    watch = Stopwatch()
    generator = find_generator(args.name, args.output_path, args.iteration, open_device(args.device))
    folder = generator.files[0].parent.parent
    page = args.output or folder / PAGE
    if page.exists() and not args.overwrite:
        raise UserError(f"{page} already exists: name another file by --output or give --overwrite")
    check_place(page)
    if not args.data:
        require_data_of_run(generator.config.data)
    dataset = read_dataset(args.data) if args.data else open_dataset(generator.config.data, Distributed.start("cpu"))
    with watch.stage("swaps"):
        first = [swaps_of_people(generator, dataset)]
    tested_on = (*dataset.query, *dataset.gallery)
    data = {"query and gallery": labeled_digest(tested_on, args.workers)} if tested_on else {}
    merged = merged_reports(folder, [file_hash(path) for path in generator.files], data)
    metrics, protocols, not_measured = merged.metrics, merged.protocols, merged.not_measured
    sections: list[HtmlSection] = []
    if not args.without_accuracy and dataset.query and dataset.gallery:
        with watch.stage("accuracy"):
            model = appearance_model(generator, mirrored=args.mirrored is not False)
            features = features_of_dataset(
                dataset,
                model,
                file_hash(generator.files[0]),
                network=generator.name,
                batch=args.batch_size,
                workers=args.workers,
            )
            accuracy = accuracy_of(features, dataset, description(model))
        metrics, sections = [*metrics, *accuracy.metrics], list(accuracy.sections)
        with watch.stage("swaps by identity score"):
            sections.append(scored_swaps(generator, dataset, model, features.splits["query"].features))
        protocols |= accuracy.protocols
        not_measured |= accuracy.not_measured
    if (folder / SCALARS).exists() and (rows := read_scalars(folder / SCALARS)):
        sections.append(curves_section(rows))
    report = Report(
        f"The run {generator.name}, after {generator.iteration:,} iterations",
        metrics,
        command=shlex.join(["python", "tools/report.py", *sys.argv[1:]]),
        splits=split_counts(dataset),
        data=data,
        protocols=protocols,
        not_measured=not_measured,
        checkpoints={str(path): file_hash(path) for path in generator.files},
        seconds=watch.seconds,
    )
    settings = yaml.safe_dump(resolved(generator.config), sort_keys=False, allow_unicode=True)
    page.parent.mkdir(parents=True, exist_ok=True)
    replace_text(page, as_html(report, folder, [*sections, settings_section(settings)], first))
    print(f"{page}: {page.stat().st_size / 1000:,.0f} kB, one file")
    return 0


def swaps_of_people(generator: LoadedGenerator, dataset: Dataset) -> HtmlSection:
    """Everybody in everybody's clothes: people of the test split (or the training split), those of show_swap.py."""
    records = one_image_per_identity(unseen_records(dataset), PEOPLE, 0, "pictures")
    images = ImageCache([record.path for record in records]).gather(torch.arange(len(records)), *generator.size)
    swapped = swap_all(generator.network, images, images)
    people = [record.identity for record in records]
    return swap_section(images, swapped, people, "test" if dataset.query else "training")


def scored_swaps(
    generator: LoadedGenerator, dataset: Dataset, model: LoadedModel, query_features: np.ndarray
) -> HtmlSection:
    """Swaps of query images sorted by how near the network puts each to the person whose clothes it wears.

    `query_features` `[query, feature]` are the model's of the real query images.
    """
    pairs = draw_pairs(dataset.query, SCORED_SWAPS, 0, "the page of a run")
    index = {record.path: index for index, record in enumerate(dataset.query)}
    swaps = [(index[pair.appearance.path], index[pair.structure.path]) for pair in pairs]
    images = torch.cat([part.images for part in generate(generator, dataset.query, swaps)])
    features = torch.from_numpy(features_of(images, extractor_of(model)))
    sources = torch.from_numpy(query_features)[[appearance for appearance, _ in swaps]]
    scores = torch.nn.functional.cosine_similarity(features, sources).tolist()
    words = [f"clothes of person {p.appearance.identity}, pose of person {p.structure.identity}" for p in pairs]
    lead = (
        f"{len(swaps)} swaps of query images, sorted by the cosine between features of the generated image and of the "
        f"photograph whose clothes it wears; the features are those of {description(model)}, of the generator itself."
    )
    return score_section("Swaps by identity score", lead, list(images), scores, words)


if __name__ == "__main__":
    command(main)
