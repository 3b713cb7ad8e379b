"""Verification and open-set identification as metrics and a curve for a report."""

from dataclasses import dataclass, field, replace

import numpy as np

from eval.reid.open_set import OpenSetResult
from eval.reid.pair_scores import ANY_CAMERAS, KNOWN_CAMERAS
from eval.reid.verification import ENOUGH, VerificationResult
from eval.report.chart import line_chart
from eval.report.page import HtmlSection, paragraph, section
from eval.report.result import Direction, MetricValue

VERIFICATION, OPEN_SET = "verification", "open-set identification"
PROTOCOLS = {
    VERIFICATION: "Two images are accepted as the same person where the cosine of their features, without re-ranking, "
    "reaches a threshold. All pairs of a query and a gallery image by different cameras count, without junk, with "
    "distractors. TPR: the share of pairs of one person that are accepted; FPR: the share of pairs of two people that "
    "are. EER: the rate at which both errors are equal; AUC: area under the curve. A rate is measured where "
    f"{ENOUGH} errors or more are expected.",
    OPEN_SET: "Every query is searched twice: with its person in the gallery, identified where rank 1 (as in the "
    "protocol standard) is right and reaches a threshold; and as a stranger, without the gallery images of its "
    "person, falsely accepted where any image reaches the threshold. FAR: the share of strangers that are accepted.",
}
_WITHOUT_CAMERAS = "cameras not used"  # in the words of a rule of splits
_POINTS = 90  # of the curve: a chart draws up to 100 points one by one


@dataclass(frozen=True)
class SamePersonFigures:
    """Verification and open-set identification in a report."""

    metrics: list[MetricValue]
    not_measured: dict[str, str]
    sections: list[HtmlSection] = field(default_factory=list)


def same_person_figures(
    verification: VerificationResult, open_set: OpenSetResult, note: str = "", split: str = ""
) -> SamePersonFigures:
    """Metrics, the reasons of those that are missing, and the ROC curve.

    Args:
        note: which model and images the features belong to.
        split: how queries and gallery were chosen, where that is not usual.
    """
    end = f", {split}" if split else ""
    counts = f"{verification.positives:,} of one person, {verification.negatives:,} of two"
    verification = replace(verification, pairs=pairs_in_words(verification, split))
    protocol = f"{VERIFICATION}, pairs of {verification.pairs}: {counts}{end}"
    metrics = []
    for rate, share in verification.tpr.items():
        words = f"threshold {verification.thresholds[rate]:.4f}"
        metrics.append(_metric(VERIFICATION, f"TPR at FPR {rate:g}", share, protocol, words))
    if verification.eer is not None and verification.auc is not None:
        metrics.append(_metric(VERIFICATION, "EER", verification.eer, protocol, note, better="lower"))
        metrics.append(_metric(VERIFICATION, "AUC", verification.auc, protocol))
    protocol = f"{OPEN_SET}, {open_set.queries:,} queries, {open_set.strangers:,} strangers{end}"
    for rate, share in open_set.rank_1.items():
        words = f"threshold {open_set.thresholds[rate]:.4f}"
        metrics.append(_metric(OPEN_SET, f"rank 1 at FAR {rate:g}", share, protocol, words))
    reasons = verification.not_measurable | open_set.not_measurable
    sections = [roc_section(verification)] if verification.auc is not None else []
    return SamePersonFigures(metrics, reasons, sections)


def pairs_in_words(result: VerificationResult, split: str) -> str:
    """Which pairs count. Where `split` says that cameras are not used, each file has a camera of its own, and all pairs
    but copies of one file do."""
    return result.pairs.replace(KNOWN_CAMERAS, ANY_CAMERAS) if _WITHOUT_CAMERAS in split else result.pairs


def roc_section(result: VerificationResult) -> HtmlSection:
    """The ROC curve from the smallest false-positive rate that can be measured, on a logarithmic axis."""
    fpr, tpr = result.curve
    least = min(ENOUGH / result.negatives, 1.0)
    at = np.geomspace(least, 1.0, _POINTS) if least < 1 else np.ones(1)
    # The largest true-positive rate at no more than that false-positive rate.
    points = [(float(x), 100 * float(tpr[np.searchsorted(fpr, x * (1 + 1e-12), side="right") - 1])) for x in at]
    title = "True-positive rate (TPR) in per cent: pairs of one person that are called so"
    lead = f"Of {result.positives:,} pairs of one person and {result.negatives:,} of two: {result.pairs}."
    chance = [(x, 100 * x) for x, _ in points]
    lines = {"without re-ranking": points, "chance": chance}
    x_label = "false-positive rate (FPR): pairs of two people that are called one"
    chart = line_chart(title, lines, x_label, log=False, log_x=True, steps=True)
    return section("ROC", paragraph(lead), chart)


def _metric(
    name: str, label: str, share: float, protocol: str, note: str = "", better: Direction = "higher"
) -> MetricValue:
    return MetricValue(name[0].upper() + name[1:], label, 100 * share, "%", protocol, note, better)
