"""Identity consistency of swaps of query images as metrics of a report."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from dgnet.core.errors import UserError
from eval.datasets import TestSplits
from eval.extractor import Extractor, features_of
from eval.generator import Generate
from eval.images.identity_consistency import identity_consistency
from eval.reid.labeled_features import LabeledFeatures, labels_of
from eval.reid.ranking import rank_metrics
from eval.report.accuracy import score_section
from eval.report.page import HtmlSection
from eval.report.result import MetricValue

SECTION = "Identity consistency"


def consistency_metrics(
    generate: Generate,
    dataset: TestSplits,
    draw_swaps: Callable[[], Sequence[tuple[int, int]]],
    extractor: Extractor,
    *,
    batch: int = 50,
    workers: int | None = None,
) -> tuple[list[MetricValue], HtmlSection]:
    """Whether a re-ID network finds swaps of query images nearer to their appearance source: by cosine, and as queries
    of the real gallery; and a section with the best and the worst swaps."""
    if not dataset.query or not dataset.gallery:
        raise UserError(f"{dataset.root}: identity consistency needs a query and a gallery split")
    swaps = draw_swaps()
    images = torch.cat([part.images for part in generate(dataset.query, swaps)])
    query_files, gallery_files = ([record.path for record in part] for part in (dataset.query, dataset.gallery))
    swapped, query, gallery = (
        features_of(part, extractor, batch=batch, workers=workers) for part in (images, query_files, gallery_files)
    )
    appearances, structures = (np.array([pair[role] for pair in swaps]) for role in (0, 1))
    result = identity_consistency(swapped, query[appearances], query[structures])
    protocol = f"{result.images} swaps of query images of other identities, {extractor.name}"
    name = "nearer to its appearance than to its structure source"
    metrics = [
        MetricValue(SECTION, name, 100 * result.share, "%", protocol, better="higher"),
        MetricValue(SECTION, "cosine to the appearance source", result.appearance_cosine, "", protocol),
        MetricValue(SECTION, "cosine to the structure source", result.structure_cosine, "", protocol),
        MetricValue(SECTION, "margin between the two", result.margin, "", protocol, "how strongly", "higher"),
    ]
    identities, cameras = labels_of(dataset.query)
    labeled_gallery = LabeledFeatures.of_records(gallery, dataset.gallery)
    for name, features, note in (
        ("generated queries", swapped, "identity and camera of the appearance source"),
        ("their real appearance sources", query[appearances], "what the network makes of real queries"),
        ("their real structure sources", query[structures], "as if they were the appearance's identity"),
    ):
        queries = LabeledFeatures(features, identities[appearances], cameras[appearances])
        ranking = rank_metrics(queries, labeled_gallery, ranks=(1,))
        protocol = f"{ranking.valid_queries} queries, real gallery of {ranking.gallery}, protocol {ranking.protocol}; "
        protocol += extractor.name
        metrics.append(MetricValue(SECTION, f"mAP, {name}", 100 * ranking.mAP, "%", protocol, note, "higher"))
        metrics.append(MetricValue(SECTION, f"rank 1, {name}", 100 * ranking.cmc[1], "%", protocol, note, "higher"))
    descriptions = [
        f"clothes of person {identities[appearance]}, cosine {near:.2f}; pose of person {identities[structure]}, "
        f"cosine {far:.2f}"
        for (appearance, structure), near, far in zip(swaps, result.to_appearance, result.to_structure, strict=True)
    ]
    lead = (
        f"{result.images} swaps of query images, sorted by the cosine between features of the generated image and of "
        f"the photograph whose clothes it wears, by {extractor.name}."
    )
    scores = result.to_appearance.tolist()
    return metrics, score_section("Swaps by identity consistency", lead, list(images), scores, descriptions)
