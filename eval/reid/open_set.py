"""Open-set identification: a query is answered only where its nearest image is similar enough.

After Phillips, Grother and Micheals, "Evaluation Methods in Face Recognition" (Handbook of Face Recognition, 2011), and
for re-identification Liao et al., "Open-set Person Re-identification" (2014). Every query is used twice. As a person
of the gallery it is identified where rank 1 is right and at least as similar as the threshold. As a stranger, with all
images of its own person left out, it is accepted falsely where anything is as similar as that. Distractors are
strangers in the gallery.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eval.reid.pair_scores import STEPS, PairScores
from eval.reid.verification import check_rates, too_few

RATES = (1e-1, 1e-2)


@dataclass(frozen=True)
class OpenSetResult:
    """Open-set identification; shares are 0 to 1.

    Attributes:
        rank_1: false-acceptance rate -> the share of queries with a match that are identified at no more than it.
        thresholds: false-acceptance rate -> the similarity from which on a query is answered.
        not_measurable: what has no figure -> the reason.
        queries: queries with a match; `strangers`: queries without their own person in the gallery.
    """

    rank_1: dict[float, float]
    thresholds: dict[float, float]
    not_measurable: dict[str, str]
    queries: int
    strangers: int


def open_set_metrics(scores: PairScores, rates: Sequence[float] = RATES) -> OpenSetResult:
    """The share of queries that are identified, at each false-acceptance rate.

    Equal to rank 1 of `eval.rank_metrics` (protocol standard) where every query is answered.

    Args:
        rates: false-acceptance rates above 0, at most 1.

    Raises:
        UserError: other rates.
    """
    check_rates(rates)
    known = np.isfinite(scores.right)
    strangers = np.sort(scores.wrong[np.isfinite(scores.wrong)])[::-1]
    rank_1, thresholds, reasons = {}, {}, {}
    for rate in rates:
        reason = too_few(rate, len(strangers), "queries as strangers")
        if reason or not known.any():
            reasons[f"rank 1 at FAR {rate:g}"] = reason or "no query has a match"
            continue
        allowed = int(rate * len(strangers) * (1 + 1e-12))
        # The first step above the stranger who would be one too many.
        threshold = float(np.floor(strangers[allowed] * STEPS) + 1) / STEPS if allowed < len(strangers) else -1.0
        thresholds[rate] = threshold
        rank_1[rate] = float((scores.first & (scores.right >= threshold))[known].mean())
    return OpenSetResult(rank_1, thresholds, reasons, int(known.sum()), len(strangers))
