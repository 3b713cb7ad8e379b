"""Image quality of a trained DG-Net, a section of the report each. A set of swaps is made once and kept as files."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dgnet.core.errors import UserError
from dgnet.core.images import image_files
from dgnet.core.random_draws import permutation, rng
from dgnet.data.cache import ImageCache
from dgnet.data.records import Dataset, Record
from dgnet.generation.engine import generate
from dgnet.generation.swap_pairs import draw_pairs
from dgnet.runs.loaded_generator import LoadedGenerator
from eval.images.diversity import DISSIMILARITY, DSSIM, PairMeasure
from eval.images.extractor import Extractor, features_of
from eval.images.file_pairs import Measure, means_of_pairs
from eval.images.identity_consistency import identity_consistency
from eval.images.image_files import Images, files_by_folder
from eval.images.image_sets import read_set, set_metrics
from eval.images.inception import inception_extractor
from eval.images.perceptual import PerceptualDistance
from eval.images.ssim import most_scales
from eval.reid.labeled_features import LabeledFeatures, labels_of
from eval.reid.ranking import rank_metrics
from eval.report.accuracy import score_section
from eval.report.page import HtmlSection
from eval.report.result import MetricValue
from tools.evaluation.diversity import diversity_metrics
from tools.evaluation.fidelity import MEASURES, UNITS

PROTOCOLS = {
    "dgnet": "the original DG-Net's: images of 256x128, one generated image per training image (appearance from it, "
    'structure from another); its "SSIM" is DSSIM in Lab color over random pairs of one identity, a diversity; '
    "its FID is by pytorch-fid's port of the network, where the original measured with TensorFlow's",
    "clean": "antialiased bicubic resizing without rounding, generated images stored as PNG and never compressed; "
    "pytorch-fid's network, not clean-fid's file of it",
}
FIDELITY, CONSISTENCY = "Fidelity of reconstructions", "Identity consistency"
PLAIN_MEASURES = (DSSIM, DISSIMILARITY)
Part = Callable[[], list[MetricValue]]


@dataclass(frozen=True)
class Settings:
    """What the tool was told."""

    weights: Path | None
    weights_sha256: str
    device: torch.device
    batch: int
    workers: int | None
    seed: int
    pairs: int  # of an identity in a round
    rounds: int
    most: int  # images of each reconstruction and of the consistency


def measured(parts: dict[str, Part]) -> tuple[list[MetricValue], dict[str, str]]:
    """The metrics of all parts, and of the parts that could not be measured the reason."""
    metrics: list[MetricValue] = []
    missing: dict[str, str] = {}
    for name, part in parts.items():
        try:
            metrics += part()
        except UserError as error:
            missing[name] = str(error)
    return metrics, missing


def distribution(protocol: str, dataset: Dataset, generated: Path, settings: Settings) -> list[MetricValue]:
    """FID by a protocol; under `clean` KID, precision and recall, too."""
    extractor = inception_extractor(
        protocol, weights=settings.weights, sha256=settings.weights_sha256, device=settings.device
    )
    clean = protocol == "clean"
    return _between_sets(dataset, generated, extractor, settings, kid=clean, precision_and_recall=clean)


def identity_space(dataset: Dataset, generated: Path, extractor: Extractor, settings: Settings) -> list[MetricValue]:
    """The same by a re-identification network."""
    return _between_sets(dataset, generated, extractor, settings, kid=True, precision_and_recall=True)


def _between_sets(
    dataset: Dataset,
    generated: Path,
    extractor: Extractor,
    settings: Settings,
    *,
    kid: bool,
    precision_and_recall: bool,
) -> list[MetricValue]:
    sources = {"training images": [record.path for record in dataset.train], "generated": image_files(generated)}
    real, made = (
        read_set(files, extractor, name=name, batch=settings.batch, workers=settings.workers)
        for name, files in sources.items()
    )
    return set_metrics(real, made, extractor, kid=kid, precision_and_recall=precision_and_recall)


def diversities(
    dataset: Dataset, generated: Path, measures: Sequence[PairMeasure], settings: Settings
) -> list[MetricValue]:
    """Of the generated images of one appearance identity, and of the real ones."""
    real: dict[str, list[Path]] = {}
    for record in dataset.train:
        real.setdefault(str(record.identity), []).append(record.path)
    metrics = []
    for of, groups in (("generated", files_by_folder(generated)), ("real", real)):
        draws = {"pairs": settings.pairs, "rounds": settings.rounds, "seed": settings.seed}
        metrics += diversity_metrics(groups, measures, of=of, workers=settings.workers, **draws)
    return metrics


def fidelities(
    stored: LoadedGenerator, dataset: Dataset, distance: PerceptualDistance | None, settings: Settings
) -> list[MetricValue]:
    """How near an image is to its reconstruction from itself, and from another image of its identity."""
    records = [record for record in (*dataset.query, *dataset.gallery) if record.identity > 0]
    whose = "test images" if records else "training images"
    records = records or list(dataset.train)
    height, width = stored.config.data.height, stored.config.data.width
    measures: dict[str, Measure] = dict(MEASURES)
    if distance is not None:
        measures = {distance.name: distance}
    metrics = []
    for name, pairs in _reconstructions(records, settings).items():
        made = _beside_the_truth(stored, records, pairs, height, width, settings.batch)
        protocol = f"clean: {len(pairs)} {whose}, {height}x{width}, {most_scales(height, width)} scales for MS-SSIM"
        for measure, found in means_of_pairs(made, measures).items():
            metrics.append(
                MetricValue(
                    FIDELITY, f"{measure}, {name}", found.mean, UNITS.get(measure, ""), protocol, _meaning(measure)
                )
            )
    return metrics


def _meaning(measure: str) -> str:
    return "lower is nearer" if measure.startswith("LPIPS") else "higher is nearer"


def _reconstructions(records: Sequence[Record], settings: Settings) -> dict[str, list[tuple[int, int]]]:
    """(appearance, structure) by kind; structure is the image that should come out."""
    chosen = sorted(permutation(settings.seed, "reconstructed", 0, len(records))[: settings.most].tolist())
    of: dict[int, list[int]] = {}
    for place, record in enumerate(records):
        of.setdefault(record.identity, []).append(place)
    uniform = rng(settings.seed, "appearances of reconstructed").random(len(records))
    others = []
    for place in chosen:
        same = [other for other in of[records[place].identity] if other != place]
        if same:
            others.append((same[int(uniform[place] * len(same))], place))
    kinds = {"self-reconstruction": [(place, place) for place in chosen], "same-identity reconstruction": others}
    return {kind: pairs for kind, pairs in kinds.items() if pairs}


def _beside_the_truth(
    stored: LoadedGenerator,
    records: Sequence[Record],
    pairs: list[tuple[int, int]],
    height: int,
    width: int,
    batch: int,
) -> Iterator[tuple[Tensor, Tensor]]:
    for made in generate(stored, records, pairs, batch_size=batch):
        truths = ImageCache([records[pairs[position][1]].path for position in made.positions])
        yield made.images, truths.gather(torch.arange(len(truths)), height, width)


def consistency(
    stored: LoadedGenerator, dataset: Dataset, extractor: Extractor, settings: Settings
) -> tuple[list[MetricValue], HtmlSection]:
    """Swaps of query images among each other, as queries of the real gallery; the best and the worst of them."""
    if not dataset.query or not dataset.gallery:
        raise UserError(f"{dataset.root}: identity consistency needs a query and a gallery split")
    pairs = draw_pairs(dataset.query, settings.most, settings.seed, "identity consistency")
    place = {record.path: index for index, record in enumerate(dataset.query)}
    plan = [(place[pair.appearance.path], place[pair.structure.path]) for pair in pairs]
    made = torch.cat([part.images for part in generate(stored, dataset.query, plan, batch_size=settings.batch)])
    sets: list[Images] = [made, *([record.path for record in part] for part in (dataset.query, dataset.gallery))]
    swaps, query, gallery = (
        features_of(images, extractor, batch=settings.batch, workers=settings.workers) for images in sets
    )
    appearances, structures = (np.array([pair[role] for pair in plan]) for role in (0, 1))
    found = identity_consistency(swaps, query[appearances], query[structures])
    protocol = f"{found.images} swaps of query images of other identities, {extractor.name}"
    metrics = [
        MetricValue(
            CONSISTENCY, "nearer to its appearance than to its structure source", 100 * found.share, "%", protocol
        ),
        MetricValue(CONSISTENCY, "cosine to the appearance source", found.appearance_cosine, "", protocol),
        MetricValue(CONSISTENCY, "cosine to the structure source", found.structure_cosine, "", protocol),
        MetricValue(CONSISTENCY, "margin between the two", found.margin, "", protocol, "how strongly"),
    ]
    identities, cameras = labels_of(dataset.query)
    labeled_gallery = LabeledFeatures.of_records(gallery, dataset.gallery)
    for name, features, note in (
        ("generated queries", swaps, "identity and camera of the appearance source"),
        ("their real appearance sources", query[appearances], "what the network makes of real queries"),
        ("their real structure sources", query[structures], "as if they were the appearance's identity"),
    ):
        asked = LabeledFeatures(features, identities[appearances], cameras[appearances])
        result = rank_metrics(asked, labeled_gallery, ranks=(1,))
        told = f"{result.valid_queries} queries, real gallery of {result.gallery}, protocol {result.protocol}; "
        told += extractor.name
        metrics.append(MetricValue(CONSISTENCY, f"mAP, {name}", 100 * result.mAP, "%", told, note))
        metrics.append(MetricValue(CONSISTENCY, f"rank 1, {name}", 100 * result.cmc[1], "%", told, note))
    said = [
        f"clothes of person {pair.appearance.identity}, cosine {near:.2f}; pose of person {pair.structure.identity}, "
        f"cosine {far:.2f}"
        for pair, near, far in zip(pairs, found.to_appearance, found.to_structure, strict=True)
    ]
    lead = (
        f"{found.images} swaps of query images, sorted by the cosine between features of the generated image and of "
        f"the photograph whose clothes it wears, by {extractor.name}."
    )
    return metrics, score_section("Swaps by identity consistency", lead, list(made), found.to_appearance.tolist(), said)


def perceptual(network: str, weights: Path | None, sha256: str | None, device: torch.device) -> PerceptualDistance:
    """LPIPS with one trunk."""
    return PerceptualDistance(network, trunk=weights, trunk_sha256=sha256, device=device)
