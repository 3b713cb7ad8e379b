"""Measure the swaps of a trained DG-Net on built-in pedestrians, whose true swaps are known.

    python tools/measure_swaps.py --name demo
    python tools/measure_swaps.py --name demo --iteration 600

Prints swap fidelity against the true swaps, whom a classifier that DG-Net never saw names on generated images, and the
accuracy of re-identification. That classifier is trained first, as the run NAME_witness, where it is not there yet.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import Tensor

from dgnet.core.cli import CommandParser, add_device, add_run
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError, command
from dgnet.core.option_types import folder_name
from dgnet.core.stopwatch import Stopwatch
from dgnet.data.cache import ImageCache
from dgnet.data.pedestrians import SyntheticTruth
from dgnet.data.records import Dataset
from dgnet.data.training_data import open_dataset
from dgnet.generation.load import find_generator, teacher_of
from dgnet.generation.swap_pairs import draw_pairs, generate_pairs, render_pairs
from dgnet.models.embedding import appearance_embedding, extract, model_embedding
from dgnet.models.model_file import StoredModel, read_model_file
from dgnet.runs.loaded_generator import LoadedGenerator
from dgnet.training.independent_classifier import classifier_logits, hold_out, train_independent_classifier
from dgnet.training.pipeline import Job
from eval.images.swap_fidelity import swap_fidelity
from eval.reid.color_histogram import color_histogram
from eval.reid.identification import identification, logits_of
from eval.reid.labeled_features import LabeledFeatures
from eval.reid.ranking import rank_metrics
from eval.reid.rerank import usual_reranking
from eval.report.accuracy import protocol_of
from eval.report.report import MetricValue, as_table

PAIRS, SEED = 300, 0
ALPHA = 0.5
FIDELITY, WHO, RANKING = "Swap fidelity", "Who is it?", "Re-identification"
# The answers of the first three need no knowledge of where which clothes are; `painted` has it.
TRIVIAL = ("structure_itself", "appearance_itself", "recolored")
MEANING = {
    "generated": "DG-Net",
    "structure_itself": "trivial: the structure image as it is",
    "appearance_itself": "trivial: the appearance image as it is",
    "recolored": "trivial: the structure image shifted to the appearance's mean color",
    "painted": "stronger: the true outline, each sixth of it in the appearance's mean color there",
    "appearance encoder": f"DG-Net, alpha {ALPHA}",
    "teacher": "the classifier that taught DG-Net",
    "color histogram": "no learning: HSV in six stripes",
}


def fidelity_metrics(stored: LoadedGenerator, dataset: Dataset) -> list[MetricValue]:
    """Swaps of test images against their truth."""
    height, width = stored.config.data.height, stored.config.data.width
    pairs = draw_pairs([*dataset.query, *dataset.gallery], PAIRS, SEED, "swap fidelity")
    known = render_pairs(SyntheticTruth.open(dataset.root), pairs, height, width)
    result = swap_fidelity(generate_pairs(stored, pairs), **vars(known))
    answers = {"generated": result.generated, **result.trivial}
    ours, best = result.generated.psnr, max(TRIVIAL, key=lambda name: answers[name].psnr)
    protocol = f"{result.pairs} pairs of test identities, {height}x{width}, inside the person"
    rows = [
        ("PSNR over the best trivial answer", ours - answers[best].psnr, "dB", f"which is {said(best)}"),
        ("PSNR over painted", ours - answers["painted"].psnr, "dB", "an answer that knows where the clothes are"),
        ("pairs won", 100 * result.share_won, "%", "a higher PSNR than all other answers to the pair"),
    ]
    rows += [(f"PSNR, {said(name)}", answer.psnr, "dB", MEANING[name]) for name, answer in answers.items()]
    rows += [(f"SSIM, {said(name)}", answer.ssim, "", MEANING[name]) for name, answer in answers.items()]
    return [MetricValue(FIDELITY, name, value, unit, protocol, note) for name, value, unit, note in rows]


def said(name: str) -> str:
    """The name of an answer in plain words."""
    return name.replace("_", " ")


def identification_metrics(stored: LoadedGenerator, classifier: StoredModel, dataset: Dataset) -> list[MetricValue]:
    """Whom the independent classifier sees on images generated from training identities."""
    label = {identity: index for index, identity in enumerate(classifier.identities)}
    logits = classifier_logits(classifier)
    _, held_out = hold_out(dataset)
    real = ImageCache([record.path for record in held_out]).gather(
        torch.arange(len(held_out)), classifier.height, classifier.width
    )
    named = torch.from_numpy(logits_of(logits, real)).argmax(1)
    accuracy = float((named == torch.tensor([label[record.identity] for record in held_out])).double().mean())

    pairs = draw_pairs(dataset.train, PAIRS, SEED, "who is it")
    generated = generate_pairs(stored, pairs)
    appearance = torch.tensor([label[pair.appearance.identity] for pair in pairs])
    structure = torch.tensor([label[pair.structure.identity] for pair in pairs])
    found = identification(logits_of(logits, generated), appearance, structure)
    protocol = f"{found.images} pairs of training identities, a classifier of {found.classes} that DG-Net never saw"
    own = f"{len(held_out)} real images that it never saw, one of each training identity"
    return [
        MetricValue(
            WHO, "generated image named as its appearance", 100 * found.appearance, "%", protocol, "DG-Net's claim"
        ),
        MetricValue(WHO, "generated image named as its structure", 100 * found.structure, "%", protocol),
        MetricValue(WHO, "a blind guess", 100 * found.chance, "%", protocol),
        MetricValue(WHO, "the classifier itself, right about real images", 100 * accuracy, "%", own),
    ]


def ranking_metrics(stored: LoadedGenerator, teacher: StoredModel | None, dataset: Dataset) -> list[MetricValue]:
    """The appearance encoder on the test split, beside the teacher and what needs no training."""
    caches = [ImageCache([record.path for record in split]) for split in (dataset.query, dataset.gallery)]
    height, width = stored.config.data.height, stored.config.data.width
    encoder = stored.network.appearance
    features: dict[str, list[Tensor]] = {
        "appearance encoder": [extract(c, encoder, appearance_embedding(encoder, ALPHA), height, width) for c in caches]
    }
    if teacher is not None:
        network, size = teacher.network, (teacher.height, teacher.width)
        features["teacher"] = [
            extract(cache, network, model_embedding(network, mirrored=True), *size) for cache in caches
        ]
    images = [cache.gather(torch.arange(len(cache)), height, width) for cache in caches]
    features["color histogram"] = [torch.from_numpy(color_histogram(part)) for part in images]
    metrics = []
    for name, (query, gallery) in features.items():
        both = (
            LabeledFeatures.of_records(query, dataset.query),
            LabeledFeatures.of_records(gallery, dataset.gallery),
        )
        reranking = usual_reranking(both[0].identities, both[1].identities)
        for suffix, result in (
            ("", rank_metrics(*both, ranks=(1, 5, 10))),
            (", re-ranked", rank_metrics(*both, ranks=(1,), reranking=reranking)),
        ):
            values = {"mAP": result.mAP} | {f"rank {rank}": share for rank, share in result.cmc.items()}
            metrics += [
                MetricValue(RANKING, f"{metric}, {name}{suffix}", 100 * value, "%", protocol_of(result), MEANING[name])
                for metric, value in values.items()
            ]
    return metrics


def measure(
    stored: LoadedGenerator,
    teacher: StoredModel | None,
    classifier: StoredModel,
    dataset: Dataset,
    watch: Stopwatch,
) -> list[MetricValue]:
    """All metrics of a generator trained on built-in pedestrians."""
    with watch.stage("swap fidelity"):
        metrics = fidelity_metrics(stored, dataset)
    with watch.stage("who is it"):
        metrics += identification_metrics(stored, classifier, dataset)
    with watch.stage("re-identification"):
        metrics += ranking_metrics(stored, teacher, dataset)
    return metrics


def main() -> int:
    parser = CommandParser(__doc__)
    add_run(parser, required=True)
    parser.add_argument(
        "--classifier", type=folder_name, help="the run that has or gets the classifier (default: NAME_witness)"
    )
    add_device(parser)
    args = parser.parse_args()
    distributed = Distributed.start(args.device)
    stored = find_generator(args.name, args.output_path, args.iteration, distributed.device)
    name = stored.name
    layout = stored.config.data.layout
    if layout != "synthetic":
        raise UserError(f"{name} was trained on data.layout {layout}: only those of 'synthetic' have true swaps")
    dataset = open_dataset(stored.config.data, distributed)
    job = Job(stored.config, args.output_path, distributed)
    watch = Stopwatch()
    with watch.stage("independent classifier"):
        classifier = train_independent_classifier(job, dataset, args.classifier or f"{name}_witness")
    taught_by = teacher_of(stored)
    teacher = read_model_file(taught_by, distributed.device) if taught_by else None
    print(as_table(measure(stored, teacher, read_model_file(classifier, distributed.device), dataset, watch)))
    print(f"{name} after {stored.iteration} iterations;", *(f"{k} {v:.1f} s" for k, v in watch.seconds.items()))
    return 0


if __name__ == "__main__":
    command(main)
