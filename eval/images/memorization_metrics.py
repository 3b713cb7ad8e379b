"""The audit for copies of training images as metrics of a report, and the nearest pairs as pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from torch import Tensor

from dgnet.core import pixels
from dgnet.core.errors import UserError
from dgnet.core.images import read_image
from eval.images.memorization import HEIGHT, WIDTH, MemorizationAudit, memorization_audit
from eval.report.page import HtmlSection, Tile, paragraph, picture_pairs, section
from eval.report.result import MetricValue

SECTION = "Memorization"
PROTOCOL = (
    "A generated image is a suspected copy where it is nearer to a training image, or to its mirror image, than all "
    "but about 1 % of photographs of other people are to theirs; distances are 1 minus the correlation of thumbnails. "
    "About as large a share is suspected by chance, and swaps share pose and place with a training image: look at the "
    "nearest pairs before you call one a copy. No suspicion is no proof that none is: parts of images are not compared."
)
PAIRS_SHOWN = 12
_SHOWN = 128, 64  # pixels of a picture on the page


def audited(
    generated: Sequence[Path],
    training: Sequence[Path],
    held_out: Sequence[Path],
    *,
    batch: int = 50,
    workers: int | None = None,
) -> tuple[MemorizationAudit, list[MetricValue], HtmlSection]:
    """`memorization_audit` of files, its metrics, and a section with the nearest pairs.

    `UserError` as there, and where no image is held out.
    """
    if not held_out:
        raise UserError("the audit for copies needs held-out photographs of other people, there are none")
    audit = memorization_audit(generated, training, held_out, batch=batch, workers=workers)
    return audit, memorization_metrics(audit, len(training)), pairs_section(audit, generated, training)


def memorization_metrics(audit: MemorizationAudit, training: int) -> list[MetricValue]:
    """The share of suspected copies, and the median distances; `training` is the number of training images."""
    images, count = len(audit.distances), int(audit.suspected.sum())
    protocol = (
        f"{images:,} against {training:,} training images, {len(audit.held_out):,} held out, correlation of "
        f"{HEIGHT}x{WIDTH} thumbnails, mirror images too"
    )
    rule = (
        f"{count:,} nearer than {audit.threshold:.4f}; chance takes {100 * audit.alarm_rate:.2g} % of held-out images "
        f"for copies, here {audit.alarm_rate * images:.1f}"
    )
    metrics = [MetricValue(SECTION, "suspected copies", 100 * count / images, "%", protocol, rule, "lower")]
    for name, distances in (("generated", audit.distances), ("held-out photographs", audit.held_out)):
        median, least = float(np.median(distances)), float(distances.min())
        note = f"the smallest is {least:.4f}"
        name = f"median distance to the nearest training image, {name}"
        metrics.append(MetricValue(SECTION, name, median, "", protocol, note))
    return metrics


def pairs_section(audit: MemorizationAudit, generated: Sequence[Path], training: Sequence[Path]) -> HtmlSection:
    """The generated images that are nearest to a training image, each beside that image."""
    pairs = []
    for image in audit.nearest_first[:PAIRS_SHOWN].tolist():
        source, suspected = training[int(audit.nearest[image])], bool(audit.suspected[image])
        verdict = "suspected copy" if suspected else "no suspected copy"
        both = (
            Tile(_shown(generated[image]), f"generated, {verdict}: {generated[image].name}", "generated"),
            Tile(_shown(source), f"its nearest training image: {source.name}", "training", "source"),
        )
        pairs.append((both, f"{audit.distances[image]:.4f}" + (", suspected" if suspected else ""), suspected))
    lead = (
        f"{int(audit.suspected.sum()):,} of {len(audit.distances):,} generated images are nearer to a training image "
        f"than {audit.threshold:.4f}, as {100 * audit.alarm_rate:.2g} % of held-out photographs are at most: they are "
        "suspected copies. The nearest pairs, each with its distance (0: the same thumbnail)."
    )
    return section("Copies of training images?", paragraph(lead), picture_pairs(pairs, "The nearest pairs"))


def _shown(path: Path) -> UInt8[Tensor, "3 height width"]:
    return pixels.resize(read_image(path)[None], *_SHOWN)[0]
