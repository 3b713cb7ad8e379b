"""Measure the quality of the images that a trained DG-Net generates, by named protocols, and write a report.

    python tools/evaluate_gan.py --name NAME
    python tools/evaluate_gan.py --name NAME --iteration 100000 --weights pt_inception-2015-12-05-6726825d.pth \\
        --lpips-weights alexnet-owt-7be5be79.pth --extractor NAME_teacher

Generates one image per training image (the official protocol; kept in outputs/NAME/evaluation/ITERATION/swaps and
reused). The report gives their distance to the real images (FID, KID, precision, recall, density, coverage; the same in
identity space), suspected copies of training images (as tools/generate.py --audit), their diversity within identities
(the official "SSIM"), the fidelity of reconstructions, and whether a re-ID network finds a swap nearer to its
appearance image than to its structure image. What cannot be measured is listed with the reason. The report is written
to outputs/NAME/evaluation/ITERATION. No metric depends on --batch-size or --workers.
"""

import argparse
import shlex
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.checkpoint import file_hash
from dgnet.core.cli import CommandParser, add_mirrored, add_run
from dgnet.core.content import labeled_digest
from dgnet.core.distributed import Distributed
from dgnet.core.errors import AdvisedError, UserError, command
from dgnet.core.images import image_files
from dgnet.core.numerics import open_device
from dgnet.core.option_types import at_least, expanded_path, run_name, sha256_digits
from dgnet.core.published_weights import check_sha256, published_sha256
from dgnet.core.stopwatch import Stopwatch
from dgnet.data.datasets import read_dataset
from dgnet.data.description import print_dataset
from dgnet.data.records import Dataset
from dgnet.data.training_data import open_dataset, require_data_of_run
from dgnet.generation.create_set import open_set
from dgnet.generation.engine import generate
from dgnet.generation.load import find_generator, teacher_of
from dgnet.generation.manifest import RECIPE
from dgnet.generation.request import SetRequest
from dgnet.generation.swap_pairs import draw_pairs
from dgnet.runs.loaded_generator import LoadedGenerator
from eval.image_quality import PROTOCOLS, ImageQualityOptions, evaluate_images
from eval.images.perceptual import TRUNK_URLS
from eval.options import (
    add_device_options,
    add_draw_options,
    add_weights_options,
    diversity_options,
    expected_sha256,
)
from eval.reid.embedding_model import description
from eval.report.report import JSON_NAME, Report, as_table, write_report
from reid_heads.load import appearance_model, load_model
from reid_heads.loaded_model import LoadedModel


def arguments() -> argparse.Namespace:
    parser = CommandParser(__doc__)
    add_run(parser)
    parser.add_argument("--data", type=expanded_path, metavar="DIR", help="the run's data set, if it has moved")
    add_weights_options(parser)
    parser.add_argument("--lpips-net", choices=tuple(TRUNK_URLS), default="alex", help="trunk of LPIPS (default: alex)")
    parser.add_argument(
        "--lpips-weights", type=expanded_path, metavar="FILE", help="(default: torch's copy, or a download)"
    )
    parser.add_argument(
        "--lpips-sha256", type=sha256_digits, metavar="DIGITS", help="what the file's SHA-256 must begin with"
    )
    parser.add_argument(
        "--extractor",
        type=run_name,
        metavar="RUN_OR_CHECKPOINT",
        help="the re-ID network that compares identities (default: the run's teacher)",
    )
    parser.add_argument(
        "--count", type=at_least(2), default=1000, help="reconstructions of a kind, swaps (default: 1000)"
    )
    add_mirrored(parser)
    add_draw_options(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace an existing report")
    add_device_options(parser)
    return parser.parse_args()


def main() -> int:
    args = arguments()
    options = ImageQualityOptions(
        inception_weights=args.weights,
        inception_sha256=expected_sha256(args),
        lpips_network=args.lpips_net,
        lpips_weights=args.lpips_weights,
        lpips_sha256=args.lpips_sha256,
        device=open_device(args.device),
        batch=args.batch_size,
        count=args.count,
        **diversity_options(args),
    )
    check_named_weights(args)
    generator = find_generator(args.name, args.output_path, args.iteration, options.device)
    folder = generator.files[0].parent.parent / "evaluation" / f"{generator.iteration:08d}"
    if (folder / JSON_NAME).exists() and not args.overwrite:
        raise UserError(f"{folder / JSON_NAME} already exists: --overwrite replaces it")
    if not args.data:
        require_data_of_run(generator.config.data)
    dataset = read_dataset(args.data) if args.data else open_dataset(generator.config.data, Distributed.start("cpu"))
    model = identity_model(args, generator, options)
    print_dataset(dataset)
    print(announcement(generator, dataset, model, options), file=sys.stderr)
    watch = Stopwatch()
    with watch.stage("generating"):
        images = generated_set(args, folder, options)

    def swaps() -> list[tuple[int, int]]:
        index = {record.path: index for index, record in enumerate(dataset.query)}
        pairs = draw_pairs(dataset.query, options.count, options.seed, "identity consistency")
        return [(index[pair.appearance.path], index[pair.structure.path]) for pair in pairs]

    with watch.stage("measuring"):
        quality = evaluate_images(
            dataset,
            images,
            model=model,
            generate=partial(generate, generator, batch_size=options.batch),
            swaps=swaps,
            size=generator.size,
            options=options,
        )
    print(as_table(quality.metrics, quality.not_measured))
    if not quality.metrics:
        raise UserError("nothing could be measured")
    report = Report(
        f"Image quality: {generator.name} after {generator.iteration} iterations",
        quality.metrics,
        command=shlex.join(["python", "tools/evaluate_gan.py", *sys.argv[1:]]),
        counts={"training images": len(dataset.train), "training identities": len(dataset.identities)},
        data=data_digests(dataset, args.workers),
        protocols=PROTOCOLS,
        not_measured=quality.not_measured,
        checkpoints={str(path): file_hash(path) for path in generator.files},
        seconds=watch.seconds,
    )
    print(f"\n{write_report(report, folder, overwrite=args.overwrite, sections=quality.sections)[-1]}")
    return 0


def data_digests(dataset: Dataset, workers: int | None) -> dict[str, str]:
    """By which a comparison tells images and labels from others of equal numbers."""
    splits = {"training images": dataset.train, "query and gallery": (*dataset.query, *dataset.gallery)}
    return {name: labeled_digest(records, workers) for name, records in splits.items() if records}


def check_named_weights(args: argparse.Namespace) -> None:
    """Files that were named are checked before the hours that the images take; `UserError` for other ones."""
    lpips = args.lpips_sha256 or published_sha256(TRUNK_URLS[args.lpips_net])
    for file, digits in ((args.weights, expected_sha256(args)), (args.lpips_weights, lpips)):
        if file is not None:
            check_sha256(file, digits)


def announcement(generator: LoadedGenerator, dataset: Dataset, model: LoadedModel, options: ImageQualityOptions) -> str:
    """Which generator is measured on how many images, before the time that it takes."""
    people = sum(record.identity > 0 for record in (*dataset.query, *dataset.gallery))
    return (
        f"{generator.name} after {generator.iteration} iterations: {len(dataset.train)} swaps of the training images "
        f"of {dataset.root}, {min(options.count, people or len(dataset.train))} reconstructions, likewise of the same "
        f"identity, {min(options.count, len(dataset.query))} swaps of queries; identities compared by "
        f"{description(model)}"
    )


def identity_model(args: argparse.Namespace, generator: LoadedGenerator, options: ImageQualityOptions) -> LoadedModel:
    """The network that compares identities: the one of --extractor, the run's teacher, or DG-Net's own encoder."""
    if args.extractor is not None:
        return load_model(args.extractor, output=args.output_path, device=options.device, mirrored=args.mirrored)
    if teacher := teacher_of(generator):
        return load_model(teacher, device=options.device, mirrored=args.mirrored)
    return appearance_model(generator, mirrored=args.mirrored is not False)


def generated_set(args: argparse.Namespace, folder: Path, options: ImageQualityOptions) -> Path:
    """The images of the official protocol, made now or before."""
    target = folder / "swaps"
    request = SetRequest(
        name=args.name,
        output_path=args.output_path,
        iteration=args.iteration,
        device=str(options.device),
        data=args.data,
        seed=options.seed,
        no_scores=True,
        output=target,
        resume=(target / RECIPE).is_file(),
    )
    try:
        with open_set(request) as opened:
            print(opened, file=sys.stderr)
            created = opened.create()
            print(created, file=sys.stderr)
    except AdvisedError as error:
        # --extend and other folders are ways out of tools/generate.py alone.
        again = f"; {target} is of an earlier evaluation: remove it to have its images made anew"
        raise UserError(error.problem + (again if target.exists() else "")) from error
    if (found := len(image_files(target / "images"))) != created.images:
        raise UserError(
            f"{target / 'images'}: holds {found} images, and the set has {created.images}; remove what is not of the "
            "set (python tools/generate.py --verify names it)"
        )
    return target / "images"


if __name__ == "__main__":
    command(main)
