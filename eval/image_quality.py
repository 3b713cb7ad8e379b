"""Quality of generated images on a data set: distribution, diversity, fidelity of reconstructions, identity."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch

from dgnet.core.errors import UserError
from dgnet.core.files import user_path
from dgnet.core.images import image_files
from eval.datasets import Splits
from eval.extractor import Extractor
from eval.generator import Generate
from eval.image_files import files_by_folder
from eval.images.consistency_metrics import consistency_metrics
from eval.images.diversity import DISSIMILARITY, DSSIM, PairMeasure, diversity_metrics, pair_by_pair
from eval.images.fidelity import MEASURES, perceptual_measure
from eval.images.image_sets import read_set
from eval.images.inception import WEIGHTS_SHA256, inception_extractor
from eval.images.memorization_metrics import audited
from eval.images.perceptual import PerceptualDistance
from eval.images.reconstructions import reconstruction_metrics
from eval.images.set_metrics import set_metrics
from eval.reid.embedding_model import EmbeddingModel, extractor_of
from eval.report.page import HtmlSection
from eval.report.result import MetricValue

PROTOCOLS = {
    "dgnet": "the official DG-Net's: images of 256x128, one generated image per training image (appearance from it, "
    'structure from another); its "SSIM" is DSSIM in Lab color over random pairs of one identity, a diversity; '
    "its FID is by pytorch-fid's port of the network, where the official FID is by TensorFlow's",
    "clean": "antialiased bicubic resizing without rounding, generated images stored as PNG and never compressed; "
    "pytorch-fid's network, not clean-fid's file of it",
}
PLAIN_MEASURES = (DSSIM, DISSIMILARITY)


@dataclass(frozen=True)
class ImageQualityOptions:
    """How image quality is measured; no metric depends on `batch` or `workers`.

    Attributes:
        inception_weights: pytorch-fid's file; without it torch's copy, or a download.
        inception_sha256: what the file's SHA-256 must begin with.
        lpips_network: the trunk of LPIPS: alex, vgg or squeeze.
        lpips_weights: torchvision's file of the trunk; without it torch's copy, or a download.
        lpips_sha256: what its SHA-256 must begin with; None: the digits in its published name.
        device: where networks compute.
        batch: images at a time.
        workers: threads that decode; None: all cores.
        seed: draws the pairs of diversity and the reconstructions.
        pairs: of an identity in a round, for diversity.
        rounds: of other pairs.
        count: reconstructions of a kind, at most.
    """

    inception_weights: Path | None = None
    inception_sha256: str = WEIGHTS_SHA256
    lpips_network: str = "alex"
    lpips_weights: Path | None = None
    lpips_sha256: str | None = None
    device: torch.device | str = "cpu"
    batch: int = 50
    workers: int | None = None
    seed: int = 0
    pairs: int = 10
    rounds: int = 5
    count: int = 1000


@dataclass(frozen=True)
class ImageQuality:
    """What was measured; what could not be, with the reason; and what only a page shows."""

    metrics: list[MetricValue]
    not_measured: dict[str, str] = field(default_factory=dict)
    sections: list[HtmlSection] = field(default_factory=list)


def evaluate_images(
    dataset: Splits,
    generated: Path | str,
    *,
    model: EmbeddingModel | Extractor | None = None,
    generate: Generate | None = None,
    swaps: Callable[[], Sequence[tuple[int, int]]] = tuple,
    size: tuple[int, int] = (256, 128),
    options: ImageQualityOptions = ImageQualityOptions(),
) -> ImageQuality:
    """The quality of generated images, by every metric that the arguments allow.

    Distribution (FID by both protocols; KID, precision, recall, density and coverage by `clean`) and diversity within
    identities are of the images in `generated` beside the training images, and so is the audit for copies. With `model`
    the distribution is measured in identity space, too. With `generate` new images are made: reconstructions, whose
    fidelity is measured (SSIM, MS-SSIM, PSNR, LPIPS), and with `model` also swaps of query images, which are ranked
    against the real gallery.

    Args:
        dataset: training images, queries and gallery.
        generated: a folder of generated images with a folder for each appearance identity.
        model: the re-identification network that compares identities, (`reid_heads.load_model`)
        generate: makes images of pairs of records, at height and width `size`.
        swaps: draws the swaps of query images for identity consistency: (appearance, structure), indices in
            `dataset.query`.
        size: height and width in pixels of what `generate` makes.
        options: weights of other networks, draws, batches.

    Raises:
        UserError: an argument is wrong. A metric that cannot be measured is no error: `not_measured` has the reason.

    Example:
        >>> from pathlib import Path
        >>> from dgnet import read_dataset
        >>> from eval import evaluate_images
        >>> quality = evaluate_images(read_dataset(Path("Market-1501")), Path("generated"))  # doctest: +SKIP
        >>> [metric.name for metric in quality.metrics][:2]  # doctest: +SKIP
        ['FID', 'FID']
    """
    generated = user_path(generated)
    sections: list[HtmlSection] = []
    extractor = model if model is None or isinstance(model, Extractor) else extractor_of(model)
    parts: dict[str, Callable[[], list[MetricValue]]] = {
        "FID by dgnet": partial(distribution, "dgnet", dataset, generated, options),
        "FID, KID, precision and recall by clean": partial(distribution, "clean", dataset, generated, options),
    }
    if extractor is not None:
        parts["distances in identity space"] = partial(identity_space, dataset, generated, extractor, options)

    def by_nearest() -> list[MetricValue]:
        held_out = [record.path for record in (*dataset.query, *dataset.gallery) if record.identity > 0]
        training = [record.path for record in dataset.train]
        _, metrics, section = audited(
            image_files(generated), training, held_out, batch=options.batch, workers=options.workers
        )
        sections.append(section)
        return metrics

    parts["copies of training images"] = by_nearest
    parts["diversity within identities"] = partial(diversities, dataset, generated, PLAIN_MEASURES, options)
    if generate is not None:
        parts["fidelity of reconstructions"] = partial(
            reconstruction_metrics, generate, dataset, MEASURES.values(), size, options.count, options.seed
        )

    def by_lpips() -> list[MetricValue]:
        distance = PerceptualDistance(
            options.lpips_network,
            trunk=options.lpips_weights,
            trunk_sha256=options.lpips_sha256,
            device=options.device,
        )
        metrics = diversities(dataset, generated, [pair_by_pair(distance.name, distance)], options)
        if generate is not None:
            measure = perceptual_measure(distance)
            metrics += reconstruction_metrics(generate, dataset, [measure], size, options.count, options.seed)
        return metrics

    parts[f"LPIPS ({options.lpips_network})"] = by_lpips

    def by_identity() -> list[MetricValue]:
        assert generate is not None and extractor is not None
        metrics, section = consistency_metrics(
            generate, dataset, swaps, extractor, batch=options.batch, workers=options.workers
        )
        sections.append(section)
        return metrics

    if generate is not None and extractor is not None:
        parts["identity consistency"] = by_identity
    metrics, not_measured = measure_parts(parts)
    return ImageQuality(metrics, not_measured, sections)


def measure_parts(
    parts: Mapping[str, Callable[[], list[MetricValue]]],
) -> tuple[list[MetricValue], dict[str, str]]:
    """The metrics of all parts, and of the parts that could not be measured the reason."""
    metrics: list[MetricValue] = []
    not_measured: dict[str, str] = {}
    for name, part in parts.items():
        try:
            metrics += part()
        except UserError as error:
            not_measured[name] = str(error)
    return metrics, not_measured


def distribution(protocol: str, dataset: Splits, generated: Path, options: ImageQualityOptions) -> list[MetricValue]:
    """FID of the generated against the training images by a protocol; by `clean` the rest, too."""
    extractor = inception_extractor(
        protocol, weights=options.inception_weights, sha256=options.inception_sha256, device=options.device
    )
    return _between_sets(dataset, generated, extractor, options, fid_only=protocol != "clean")


def identity_space(
    dataset: Splits, generated: Path, extractor: Extractor, options: ImageQualityOptions
) -> list[MetricValue]:
    """The same distances between features of a re-identification network."""
    return _between_sets(dataset, generated, extractor, options, fid_only=False)


def _between_sets(
    dataset: Splits, generated: Path, extractor: Extractor, options: ImageQualityOptions, *, fid_only: bool
) -> list[MetricValue]:
    sources = {"training images": [record.path for record in dataset.train], "generated": image_files(generated)}
    real, fake = (
        read_set(files, extractor, name=name, batch=options.batch, workers=options.workers)
        for name, files in sources.items()
    )
    return set_metrics(real, fake, extractor, kid=not fid_only, precision_and_recall=not fid_only)


def diversities(
    dataset: Splits, generated: Path, measures: Sequence[PairMeasure], options: ImageQualityOptions
) -> list[MetricValue]:
    """Diversity within identities, of the generated and of the training images."""
    real: dict[str, list[Path]] = {}
    for record in dataset.train:
        real.setdefault(str(record.identity), []).append(record.path)
    metrics = []
    for name, groups in (("generated", files_by_folder(generated)), ("real", real)):
        metrics += diversity_metrics(
            groups,
            measures,
            name=name,
            pairs=options.pairs,
            rounds=options.rounds,
            seed=options.seed,
            workers=options.workers,
        )
    return metrics
