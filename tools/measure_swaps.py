"""Measure the swaps of a trained DG-Net on built-in pedestrians, whose true swaps are known.

    python tools/measure_swaps.py --name demo
    python tools/measure_swaps.py --name demo --iteration 600

Prints the fidelity of swaps to the true ones, that of images decoded from codes of one person (which tells where detail
is lost), how many generated images an independent classifier assigns to the identity of their appearance, and the
accuracy of re-identification. The classifier is trained first, as the run NAME_classifier, if it does not exist yet.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.errors import UserError, command

# isort: split
# dgnet says how idle threads wait before torch is loaded.
import numpy as np
import torch
from torch import Tensor

from dgnet.core import pixels
from dgnet.core.cli import CommandParser, add_device, add_run
from dgnet.core.distributed import Distributed
from dgnet.core.numerics import set_numerics
from dgnet.core.option_types import folder_name
from dgnet.core.stopwatch import Stopwatch
from dgnet.data.cache import ImageCache
from dgnet.data.pedestrians import SyntheticTruth
from dgnet.data.records import Dataset
from dgnet.data.training_data import open_dataset
from dgnet.generation.load import find_generator, teacher_of
from dgnet.generation.part_limits import at_mask_size, with_best_colors
from dgnet.generation.swap_pairs import Pair, draw_pairs, generate_pairs, render_pairs, same_person_pairs
from dgnet.models.embedding import model_embedding
from dgnet.models.model_file import StoredModel, read_model_file
from dgnet.runs.loaded_generator import LoadedGenerator
from dgnet.training.independent_classifier import (
    classifier_logits,
    classifier_name,
    hold_out,
    train_independent_classifier,
)
from dgnet.training.job import Job
from eval.compared_models import compared_models
from eval.images.swap_fidelity import Embed, fidelity, swap_fidelity
from eval.images.swap_metrics import detail_metrics, identification_metrics, swap_fidelity_metrics
from eval.reid.color_histogram import ColorHistogram
from eval.reid.embedding_model import EmbeddingModel
from eval.reid.feature_file import StoredFeatures
from eval.reid.identification import identification, logits_of
from eval.report.report import MetricValue, as_table
from reid_heads.load import appearance_model
from reid_heads.loaded_model import LoadedModel

PAIRS, SEED = 300, 0
PART_LIMITS = {
    "swaps with the best color of each part": with_best_colors,
    "true swaps at the size of the masks, upsampled as the decoder does": at_mask_size,
}
ALPHA = 0.5


def measure_fidelity(
    generator: LoadedGenerator, dataset: Dataset, classifier: StoredModel | None = None
) -> list[MetricValue]:
    """Swaps of test images against their truth; with `classifier`, the Frechet distance in its features, too."""
    pairs = draw_pairs([*dataset.query, *dataset.gallery], PAIRS, SEED, "swap fidelity")
    truth = SyntheticTruth.open(dataset.root)
    swaps = generate_pairs(generator, pairs)
    embed = None if classifier is None else _embed(classifier)
    result = swap_fidelity(swaps, **vars(render_pairs(truth, pairs, *generator.size)), embed=embed)
    patterned = [truth.appearance(pair.appearance.path).has_repeating_pattern for pair in pairs]
    return swap_fidelity_metrics(result, generator.size, np.array(patterned))


def measure_detail(generator: LoadedGenerator, dataset: Dataset) -> list[MetricValue]:
    """Test images decoded from codes of the same person, whose truth is the image that gave the structure; and, with
    part colors, what swaps would be if the colors, or all that is drawn at the masks' size, were right."""
    records = [*dataset.query, *dataset.gallery]
    swaps = draw_pairs(records, PAIRS, SEED, "swap fidelity")
    kinds = {
        "images from their own two codes": [Pair(pair.appearance, pair.appearance) for pair in swaps],
        "appearance of another image of the person": same_person_pairs(swaps, records, SEED, "swap fidelity"),
    }
    results = {}
    renderer = SyntheticTruth.open(dataset.root)
    for words, pairs in kinds.items():
        if pairs:
            truth = render_pairs(renderer, pairs, *generator.size)
            results[words] = fidelity(generate_pairs(generator, pairs), truth.truths, truth.truth_outlines)
    if generator.network.has_parts:
        truth = render_pairs(renderer, swaps, *generator.size)
        for words, limit in PART_LIMITS.items():
            images = limit(generator.network, truth.structures, truth.truths)
            results[words] = fidelity(images, truth.truths, truth.truth_outlines)
    return detail_metrics(results, generator.size)


def measure_identification(generator: LoadedGenerator, classifier: StoredModel, dataset: Dataset) -> list[MetricValue]:
    """Whom an independent classifier sees on images generated from training identities."""
    label = {identity: index for index, identity in enumerate(classifier.identities)}
    logits = classifier_logits(classifier)
    _, held_out = hold_out(dataset)
    real = ImageCache([record.path for record in held_out]).gather(
        torch.arange(len(held_out)), classifier.height, classifier.width
    )
    predicted = torch.from_numpy(logits_of(logits, real)).argmax(1)
    accuracy = float((predicted == torch.tensor([label[record.identity] for record in held_out])).double().mean())

    pairs = draw_pairs(dataset.train, PAIRS, SEED, "who is it")
    appearance = torch.tensor([label[pair.appearance.identity] for pair in pairs])
    structure = torch.tensor([label[pair.structure.identity] for pair in pairs])
    result = identification(logits_of(logits, generate_pairs(generator, pairs)), appearance, structure)
    return identification_metrics(result, accuracy, len(held_out))


def measure_accuracy(
    generator: LoadedGenerator,
    teacher: StoredModel | None,
    dataset: Dataset,
    features: StoredFeatures | None = None,
) -> list[MetricValue]:
    """The appearance encoder on the test split, beside the teacher and what needs no training.

    `features`: those of the appearance encoder, where they have been extracted before.
    """
    own = "appearance encoder"
    models: dict[str, tuple[EmbeddingModel, str]] = {
        own: (appearance_model(generator, alpha=ALPHA), "DG-Net's appearance codes")
    }
    if teacher is not None:
        embedding, size = model_embedding(teacher.network, mirrored=True), (teacher.height, teacher.width)
        name = teacher.network.name
        loaded = LoadedModel(name, teacher.network, embedding, teacher.identities, *size, mirrored=True)
        models["teacher"] = loaded, "the classifier that taught DG-Net"
    histogram = ColorHistogram(*generator.size)
    models["color histogram"] = histogram, "without learning, by the colors of six stripes"
    return compared_models(models, dataset, {own: features})


def _embed(classifier: StoredModel) -> Embed:
    """Features of uint8 images `[image, 3, height, width]`, before the classifier's last layer."""
    embedding = model_embedding(classifier.network, mirrored=False)
    device = next(classifier.network.parameters()).device

    def embed(images: Tensor) -> Tensor:
        resized = pixels.resize(images, classifier.height, classifier.width)
        return embedding(pixels.normalize(resized.to(device)))

    return lambda images: logits_of(embed, images)


def measure(
    generator: LoadedGenerator,
    teacher: StoredModel | None,
    classifier: StoredModel,
    dataset: Dataset,
    watch: Stopwatch,
    features: StoredFeatures | None = None,
) -> list[MetricValue]:
    """All metrics of a generator trained on built-in pedestrians; stderr says what is measured at the time.

    `features` as in `measure_accuracy`.
    """
    with announced(watch, "swap fidelity"):
        metrics = measure_fidelity(generator, dataset, classifier)
    with announced(watch, "images from codes of one person"):
        metrics += measure_detail(generator, dataset)
    with announced(watch, "identification"):
        metrics += measure_identification(generator, classifier, dataset)
    with announced(watch, "re-identification"):
        metrics += measure_accuracy(generator, teacher, dataset, features)
    return metrics


@contextmanager
def announced(watch: Stopwatch, name: str) -> Iterator[None]:
    """A stage of `watch` whose beginning and seconds are printed to stderr."""
    print(f"measuring: {name} ...", end="", file=sys.stderr, flush=True)
    began = watch.seconds.get(name, 0.0)
    try:
        with watch.stage(name):
            yield
    finally:
        print(f" {watch.seconds[name] - began:.1f} s", file=sys.stderr, flush=True)


def main() -> int:
    parser = CommandParser(__doc__)
    add_run(parser, required=True)
    parser.add_argument(
        "--classifier", type=folder_name, help="the run of the independent classifier (default: NAME_classifier)"
    )
    add_device(parser)
    parser.add_removed_option("--resume", "a classifier that was half trained is trained on in any case")
    args = parser.parse_args()
    distributed = Distributed.start(args.device)
    set_numerics(distributed.device)
    generator = find_generator(args.name, args.output_path, args.iteration, distributed.device)
    name = generator.name
    layout = generator.config.data.layout
    if layout != "synthetic":
        raise UserError(f"{name} was trained on data.layout {layout}: only those of 'synthetic' have true swaps")
    dataset = open_dataset(generator.config.data, distributed)
    job = Job(generator.config, args.output_path, distributed, resume_option=None)
    watch = Stopwatch()
    with watch.stage("independent classifier"):
        classifier = train_independent_classifier(job, dataset, args.classifier or classifier_name(job, name))
    taught_by = teacher_of(generator)
    teacher = read_model_file(taught_by, distributed.device) if taught_by else None
    print(as_table(measure(generator, teacher, read_model_file(classifier, distributed.device), dataset, watch)))
    print(f"{name} after {generator.iteration} iterations;", *(f"{k} {v:.1f} s" for k, v in watch.seconds.items()))
    return 0


if __name__ == "__main__":
    command(main)
