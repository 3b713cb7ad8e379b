"""How certain the threshold for a wanted false-positive rate is: a bootstrap over identities.

Pairs of one person depend on each other, so people are drawn again, not pairs: with a person drawn a times and another
b times, each pair of the two counts a * b times, and the threshold is found anew. Images of identity 0 are distractors
(of nobody who is known) and count once, unless a query bears it.

Nothing but the counts of one block by identity and by threshold is kept: rates are taken at thresholds 8 to a decade of
the false-positive rate, and a drawn threshold lies between two of them (linear in the logarithm of the rate).
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from eval.reid.distance import row_blocks
from eval.reid.labeled_features import LabeledFeatures
from eval.reid.pair_scores import STEPS, PairBlock, Pairs, PairScores
from eval.reid.verification import threshold_step

CONFIDENCE, ROUNDS = 0.95, 500
_DISTRACTOR = 0
# The rates of the search reach this factor beyond the wanted ones: a threshold whose rate is less certain is none.
_REACH, _PER_DECADE = 10.0, 8
# Numbers that are in memory at once, of counts and of drawn counts each.
_PART = 2**22


def threshold_intervals(
    query: LabeledFeatures,
    gallery: LabeledFeatures,
    scores: PairScores,
    rates: Sequence[float],
    *,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> dict[float, tuple[float, float] | None]:
    """The 95 % interval of the threshold at each false-positive rate; None where too few people leave it
    open.

    Args:
        scores: the `pair_scores` of these two sides.
        rates: false-positive rates that are measurable (`eval.reid.verification.VerificationResult.thresholds`).
        rounds: how often all people are drawn again.
        seed: of the draws.
    """
    if not rates:
        return {}
    pairs = Pairs(query, gallery)
    steps = _steps(scores, rates)
    drawn = _drawn_rates(pairs, steps, rounds, seed)  # [step, round]
    thresholds = steps / STEPS - 1
    intervals: dict[float, tuple[float, float] | None] = {}
    tail = (1 - CONFIDENCE) / 2
    for rate in rates:
        found = np.array([_threshold_at(rate, drawn[:, number], thresholds) for number in range(rounds)])
        low, high = np.quantile(found, (tail, 1 - tail), method="nearest")
        intervals[rate] = (float(low), float(high)) if np.isfinite([low, high]).all() else None
    return intervals


def _steps(scores: PairScores, rates: Sequence[float]) -> np.ndarray:
    """The thresholds that rates are taken at, ascending, as steps."""
    high, low = min(1.0, max(rates) * _REACH), min(rates) / _REACH
    count = int(np.ceil(np.log10(high / low) * _PER_DECADE)) + 1
    return np.unique([threshold_step(scores.negatives, float(rate)) for rate in np.geomspace(low, high, count)])


def _drawn_rates(pairs: Pairs, steps: np.ndarray, rounds: int, seed: int) -> np.ndarray:
    """The false-positive rate at each of the `steps` in each round, `[step, round]`."""
    labels, device = pairs.labels, pairs.query.device
    everyone = torch.cat([labels.query_identities, labels.gallery_identities])
    people, place = everyone.unique(return_inverse=True)
    own, whose = place[: len(labels.query_identities)], place[len(labels.query_identities) :]
    draws = np.random.default_rng(seed).multinomial(len(people), [1 / len(people)] * len(people), size=rounds)
    weights = torch.from_numpy(draws.T).to(device, torch.float32)
    if bool((people == _DISTRACTOR).any()) and not bool((labels.query_identities == _DISTRACTOR).any()):
        weights[people == _DISTRACTOR] = 1
    edges = torch.from_numpy(steps).to(device)
    above = torch.zeros(len(steps) + 1, rounds, dtype=torch.float64, device=device)
    part = max(_PART // (len(above) * max(len(people), rounds)), 1)
    for block in pairs.blocks():
        for rows in row_blocks(len(block.steps), 0, part):
            counts = _counts(block, rows, edges, whose, len(people))
            weighted = torch.einsum("qps,pr->qsr", counts, weights)
            above += torch.einsum("qsr,qr->sr", weighted, weights[own[block.rows][rows]])
    # The first row counts all pairs of two people.
    return (above[1:] / above[0].clamp_min(1)).cpu().numpy()


def _counts(block: PairBlock, rows: slice, edges: Tensor, whose: Tensor, people: int) -> Tensor:
    """Of these rows of a block, pairs of each query with each person at or above each edge, float32
    `[query, person, 1 + edge]`; the first entry counts all."""
    steps, bins = block.steps[rows], len(edges) + 1
    chosen = (block.other & block.counted)[rows]
    code = (torch.arange(len(steps), device=whose.device)[:, None] * people + whose) * bins
    code += torch.searchsorted(edges, steps, right=True)
    counts = torch.bincount(code[chosen], minlength=len(steps) * people * bins).view(len(steps), people, bins)
    return counts.flip(2).cumsum(2).flip(2).float()


def _threshold_at(rate: float, rates: np.ndarray, thresholds: np.ndarray) -> float:
    """The threshold at which falling `rates` pass `rate`; infinite beyond them."""
    last = int(np.count_nonzero(rates > rate))  # rates fall with the threshold: the first that is not above it
    if last == 0:
        return -np.inf if rates[0] < rate else float(thresholds[0])
    if last == len(rates) or rates[last] <= 0:
        return np.inf
    before, after = np.log(rates[last - 1]), np.log(rates[last])
    share = (before - np.log(rate)) / (before - after)
    return float(thresholds[last - 1] + share * (thresholds[last] - thresholds[last - 1]))
