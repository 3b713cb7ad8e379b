"""Verification: whether two images show one person, decided by a threshold on their similarity.

The curve of true against false positives (ROC) is that of all pairs of `eval.reid.pair_scores`, whose counts at every
threshold are exact. A rate that is estimated from a handful of errors is noise: by the rule of 30 (Doddington et al.,
"The NIST speaker recognition evaluation", Speech Communication 2000) a false-positive rate is measured only where 30
pairs of two people, or more, are expected above its threshold.
"""

import numbers
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from dgnet.core.errors import UserError
from eval.reid.pair_scores import STEPS, PairScores

RATES = (1e-1, 1e-2, 1e-3, 1e-4)
ENOUGH = 30  # errors that a rate is estimated from, and pairs of one person


@dataclass(frozen=True)
class VerificationResult:
    """The verification of all pairs; shares are 0 to 1.

    Attributes:
        auc: area under the ROC curve; None where it cannot be measured.
        eer: the equal error rate: where the false-positive rate equals 1 - TPR; None likewise.
        tpr: false-positive rate -> the largest true-positive rate at no more than it.
        thresholds: false-positive rate -> the similarity from which on two images are called one person.
        not_measurable: what has no figure ("TPR at FPR 0.0001") -> the reason.
        positives: pairs of one person; `negatives`: of two.
        pairs: which pairs count, in words.
        curve: false-positive and true-positive rates, both ascending, from (0, 0) to (1, 1).
    """

    auc: float | None
    eer: float | None
    tpr: dict[float, float]
    thresholds: dict[float, float]
    not_measurable: dict[str, str]
    positives: int
    negatives: int
    pairs: str
    curve: tuple[Float[np.ndarray, " threshold"], Float[np.ndarray, " threshold"]] = field(repr=False)


def verification_metrics(scores: PairScores, rates: Sequence[float] = RATES) -> VerificationResult:
    """ROC, AUC, EER, and TPR and threshold at each false-positive rate.

    Args:
        rates: false-positive rates above 0, at most 1.

    Raises:
        UserError: other rates.

    Example:
        >>> from dgnet import read_dataset
        >>> from eval import evaluate_reid, pair_scores, verification_metrics
        >>> from eval.reid.color_histogram import ColorHistogram
        >>> splits = evaluate_reid(ColorHistogram(), read_dataset("data/Market-1501")).features.splits
        >>> result = verification_metrics(pair_scores(splits["query"], splits["gallery"]))
        >>> result.not_measurable["AUC"]
        'it needs 30 pairs of one person and 30 of two, there are 2 and 4'
    """
    check_rates(rates)
    positives, negatives = int(scores.positives.sum()), int(scores.negatives.sum())
    reasons: dict[str, str] = {}
    tpr, thresholds = {}, {}
    auc = eer = None
    curve = roc_curve(scores) if positives and negatives else (np.zeros(0), np.zeros(0))
    if min(positives, negatives) < ENOUGH:
        words = f"it needs {ENOUGH} pairs of one person and {ENOUGH} of two, there are {positives:,} and {negatives:,}"
        reasons |= dict.fromkeys(("AUC", "EER"), words)
    else:
        auc, eer = area(*curve), equal_error_rate(*curve)
    for rate in rates:
        name = f"TPR at FPR {rate:g}"
        if reason := reasons.get("AUC") or too_few(rate, negatives):
            reasons[name] = reason
            continue
        step = threshold_step(scores.negatives, rate)
        thresholds[rate] = step / STEPS - 1
        tpr[rate] = int(scores.positives[step:].sum()) / positives
    return VerificationResult(auc, eer, tpr, thresholds, reasons, positives, negatives, scores.pairs, curve)


def check_rates(rates: Sequence[float]) -> None:
    """`UserError` unless these are false-positive rates."""
    given = ", ".join(map(str, rates)) or "none"
    if not rates or not all(isinstance(rate, numbers.Real) and 0 < rate <= 1 for rate in rates):
        raise UserError(f"false-positive rates must be above 0 and at most 1, got {given}")


def too_few(rate: float, count: int, what: str = "pairs of two people") -> str:
    """Why a false-positive rate cannot be measured on `count` trials; empty where it can."""
    if rate * count >= ENOUGH - 1e-9:
        return ""
    return f"it needs {round(ENOUGH / rate):,} {what} ({ENOUGH} errors), there are {count:,}"


def threshold_step(negatives: np.ndarray, rate: float) -> int:
    """The smallest step from which on at most the share `rate` of the counted `negatives` lies."""
    above = negatives[::-1].cumsum()[::-1]
    allowed = int(rate * above[0] * (1 + 1e-12))
    # `above` falls: the first step that is not above what is allowed.
    return int(np.searchsorted(-above, -allowed))


def rates_at(scores: PairScores, threshold: float) -> tuple[float, float]:
    """The false-positive and the true-positive rate at a threshold (a multiple of a step, as ours are)."""
    step = min(max(round((threshold + 1) * STEPS), 0), len(scores.negatives))
    return tuple(float(counts[step:].sum() / counts.sum()) for counts in (scores.negatives, scores.positives))  # type: ignore[return-value]


@dataclass(frozen=True)
class TransferredThreshold:
    """A threshold that was set for the false-positive rate `wanted` on other data, and the rates that it has here.

    `own_tpr` is the true-positive rate here at that rate by this data's own threshold; None where that cannot be
    measured. `resolution` is the smallest false-positive rate that is measurable here.
    """

    wanted: float
    threshold: float
    fpr: float
    tpr: float
    own_tpr: float | None
    resolution: float


def transferred_thresholds(there: VerificationResult, scores: PairScores) -> list[TransferredThreshold]:
    """Thresholds of other data (`there`), applied to the pairs of this data set (`scores`).

    None where either has too few pairs.
    """
    here = verification_metrics(scores, list(there.thresholds) or RATES)
    if here.auc is None:
        return []
    return [
        TransferredThreshold(rate, threshold, *rates_at(scores, threshold), here.tpr.get(rate), ENOUGH / here.negatives)
        for rate, threshold in there.thresholds.items()
    ]


def roc_curve(scores: PairScores) -> tuple[Float[np.ndarray, " threshold"], Float[np.ndarray, " threshold"]]:
    """False- and true-positive rates at every similarity that occurs, from (0, 0) to (1, 1)."""
    occurring = np.flatnonzero(scores.positives + scores.negatives)[::-1]
    fpr, tpr = (
        np.concatenate([[0.0], counts[occurring].cumsum() / counts.sum()])
        for counts in (scores.negatives, scores.positives)
    )
    return fpr, tpr


def area(fpr: np.ndarray, tpr: np.ndarray) -> float:
    """Under the curve, linear between its points: pairs of equal similarity count half."""
    return float((np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2).sum())


def equal_error_rate(fpr: np.ndarray, tpr: np.ndarray) -> float:
    """Where the curve, linear between its points, meets false-positive rate = 1 - true-positive rate."""
    difference = (1 - tpr) - fpr
    last = int(np.argmax(difference <= 0))
    before, after = difference[last - 1], difference[last]
    share = before / (before - after)
    return float(fpr[last - 1] + share * (fpr[last] - fpr[last - 1]))
