"""Verification and open-set identification against scikit-learn, closed forms and obvious loops."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from dgnet.core.errors import UserError
from eval.reid import distance
from eval.reid.labeled_features import LabeledFeatures
from eval.reid.open_set import open_set_metrics
from eval.reid.pair_scores import STEPS, PairScores, pair_scores
from eval.reid.ranking import rank_metrics
from eval.reid.verification import rates_at, verification_metrics
from tests.messages import mentions

NORMAL = NormalDist()


def people(seed: int, queries: int = 60, gallery: int = 400, identities: int = 12) -> tuple[LabeledFeatures, ...]:
    """Two sides with junk, distractors and four cameras."""
    random = np.random.default_rng(seed)
    centers = random.standard_normal((identities + 2, 6))

    def side(count: int, lowest: int) -> LabeledFeatures:
        ids = random.integers(lowest, identities + 1, count)
        features = centers[ids + 1] + 0.9 * random.standard_normal((count, 6))
        return LabeledFeatures(features.astype(np.float32), ids, random.integers(0, 4, count))

    return side(queries, 1), side(gallery, -1)


def listed(query: LabeledFeatures, gallery: LabeledFeatures) -> tuple[np.ndarray, np.ndarray]:
    """Label (1: one person) and cosine of each pair by two cameras, pair after pair."""
    labels, cosines = [], []
    for feature, identity, camera in zip(query.features.astype(float), query.identities, query.cameras, strict=True):
        for other, whose, where in zip(
            gallery.features.astype(float), gallery.identities, gallery.cameras, strict=True
        ):
            if whose != -1 and where != camera:
                labels.append(int(whose == identity))
                cosines.append(feature @ other / np.linalg.norm(feature) / np.linalg.norm(other))
    return np.array(labels), np.array(cosines)


def counted(positives: np.ndarray, negatives: np.ndarray) -> PairScores:
    """Scores that were never features."""
    counts = [
        np.bincount(np.floor((s + 1) * STEPS).astype(int), minlength=2 * STEPS + 1) for s in (positives, negatives)
    ]
    return PairScores(*counts, "drawn", np.zeros(0), np.zeros(0), np.zeros(0, bool))


@pytest.mark.slow
def test_the_curve_is_scikit_learns() -> None:
    from sklearn.metrics import roc_auc_score, roc_curve

    query, gallery = people(0)
    scores = pair_scores(query, gallery)
    labels, cosines = listed(query, gallery)
    result = verification_metrics(scores, (0.5, 0.1, 0.01))
    assert (result.positives, result.negatives) == (labels.sum(), (1 - labels).sum())
    fpr, tpr, _ = roc_curve(labels, cosines, drop_intermediate=False)
    for rate in (0.5, 0.1, 0.01):
        assert result.tpr[rate] == pytest.approx(tpr[fpr <= rate].max(), abs=1e-12)
        found = rates_at(scores, result.thresholds[rate])
        assert found[0] <= rate and found[1] == result.tpr[rate]
        assert np.mean(cosines[labels == 0] >= result.thresholds[rate]) == pytest.approx(found[0], abs=1e-12)
        # One step lower, and the rate is exceeded.
        assert rates_at(scores, result.thresholds[rate] - 1 / STEPS)[0] > rate
    assert result.auc == pytest.approx(roc_auc_score(labels, cosines), abs=1e-6)
    crossing = int(np.argmax(1 - tpr <= fpr))
    assert min(fpr[crossing - 1], 1 - tpr[crossing]) <= result.eer <= max(fpr[crossing], 1 - tpr[crossing - 1])
    assert (result.curve[0][-1], result.curve[1][-1]) == (1, 1) and result.curve[0][0] == 0


def test_the_pairs_of_one_camera_take_no_part() -> None:
    query, gallery = people(1)
    scores = pair_scores(query, gallery)
    everywhere = LabeledFeatures(gallery.features, gallery.identities, gallery.cameras + 10)
    assert pair_scores(query, everywhere).negatives.sum() > scores.negatives.sum()
    assert scores.pairs == "a query and a gallery image by two known cameras"


def test_normal_scores_have_closed_forms() -> None:
    """Two normal distributions of one width, by their quantiles, `distance` widths apart."""
    apart, width = 2.5, 0.05
    quantiles = np.array([NORMAL.inv_cdf(p) for p in (np.arange(200_000) + 0.5) / 200_000])
    result = verification_metrics(counted(0.2 + width * apart + width * quantiles, 0.2 + width * quantiles))
    assert result.auc == pytest.approx(NORMAL.cdf(apart / math.sqrt(2)), abs=1e-4)
    assert result.eer == pytest.approx(NORMAL.cdf(-apart / 2), abs=1e-4)
    for rate in (1e-1, 1e-2, 1e-3):
        above = NORMAL.inv_cdf(1 - rate)
        assert result.thresholds[rate] == pytest.approx(0.2 + width * above, abs=2e-3 * width)
        assert result.tpr[rate] == pytest.approx(NORMAL.cdf(apart - above), abs=1e-3)
    # 20 of 200,000 are too few for a rate.
    assert set(result.not_measurable) == {"TPR at FPR 0.0001"} and 1e-4 not in result.tpr
    assert "300,000" in result.not_measurable["TPR at FPR 0.0001"]


def test_equal_scores_are_a_slope() -> None:
    """All scores equal: nothing is told apart. Half of either side equal: between."""
    same = verification_metrics(counted(np.full(50, 0.3), np.full(50, 0.3)), (0.9,))
    assert (same.auc, same.eer, same.tpr[0.9]) == (0.5, 0.5, 0.0)
    half = verification_metrics(counted(np.repeat([0.3, 0.9], [20, 20]), np.repeat([0.1, 0.3], [20, 20])), (0.9,))
    assert (half.auc, half.eer) == (0.875, 0.25)
    ideal = verification_metrics(counted(np.full(40, 0.9), np.full(40, 0.1)), (0.9,))
    assert (ideal.auc, ideal.eer, ideal.tpr[0.9]) == (1, 0, 1)


def test_few_pairs_have_no_figures() -> None:
    result = verification_metrics(counted(np.linspace(0.5, 0.9, 29), np.linspace(0, 0.5, 1000)), (0.1,))
    assert (result.auc, result.eer, result.tpr, result.thresholds) == (None, None, {}, {})
    assert set(result.not_measurable) == {"AUC", "EER", "TPR at FPR 0.1"} and "29" in result.not_measurable["AUC"]
    assert verification_metrics(counted(np.linspace(0.5, 0.9, 30), np.linspace(0, 0.5, 300)), (0.1,)).tpr == {0.1: 1.0}
    nothing = verification_metrics(counted(np.zeros(0), np.zeros(0)))
    assert nothing.auc is None and len(nothing.not_measurable) == 6
    for rates in ((), (0.0,), (1.5,)):
        with pytest.raises(UserError, match="false-positive rates"):
            verification_metrics(counted(np.zeros(1), np.zeros(1)), rates)


def test_counts_are_those_of_any_block(monkeypatch: pytest.MonkeyPatch) -> None:
    query, gallery = people(2)
    whole = pair_scores(query, gallery)
    monkeypatch.setattr(distance, "_BLOCK_ELEMENTS", 5000)
    parts = pair_scores(query, gallery)
    for name in ("positives", "negatives", "right", "wrong", "first"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name))


def test_cameras_that_are_not_known() -> None:
    query, gallery = people(3)
    none = [LabeledFeatures(side.features, side.identities, np.full(len(side), -1)) for side in (query, gallery)]
    scores = pair_scores(*none)
    assert "none is known" in scores.pairs
    assert scores.positives.sum() + scores.negatives.sum() == len(query) * (gallery.identities >= 0).sum()
    # Of some people alone: their pairs take no part.
    cameras = [np.where(side.identities == 3, -1, side.cameras) for side in (query, gallery)]
    sides = [LabeledFeatures(s.features, s.identities, c) for s, c in zip((query, gallery), cameras, strict=True)]
    without = [
        LabeledFeatures(*(column[side.identities != 3] for column in (side.features, side.identities, side.cameras)))
        for side in (query, gallery)
    ]
    partly, fewer = pair_scores(*sides), pair_scores(*without)
    assert np.array_equal(partly.positives, fewer.positives) and np.array_equal(partly.negatives, fewer.negatives)
    assert "two known cameras" in partly.pairs
    mixed = LabeledFeatures(query.features, query.identities, np.where(np.arange(len(query)) == 0, -1, query.cameras))
    with pytest.raises(UserError, match=mentions("cameras", int(query.identities[0]))):
        pair_scores(mixed, gallery)


def test_each_image_against_all_others_counts_every_pair_once() -> None:
    (query, _) = people(4)
    own = LabeledFeatures(query.features, query.identities, np.arange(len(query)))
    scores = pair_scores(own, own)
    assert scores.positives.sum() + scores.negatives.sum() == len(query) * (len(query) - 1) / 2
    assert scores.pairs.startswith("two images")
    labels, cosines = listed(own, own)
    right, wrong = cosines[labels == 1], cosines[labels == 0]
    assert verification_metrics(scores, (0.5,)).auc == pytest.approx((right[:, None] > wrong).mean(), abs=1e-6)
    unknown = LabeledFeatures(query.features, query.identities, np.full(len(query), -1))
    assert np.array_equal(pair_scores(unknown, unknown).right, scores.right)  # never the image itself


def obvious_open_set(query: LabeledFeatures, gallery: LabeledFeatures, threshold: float) -> tuple[float, float]:
    """The share of queries that are identified, and of strangers that are accepted."""
    identified, accepted, asked, strangers = 0, 0, 0, 0
    for feature, identity, camera in zip(query.features.astype(float), query.identities, query.cameras, strict=True):
        ranked = []
        for other, whose, where in zip(
            gallery.features.astype(float), gallery.identities, gallery.cameras, strict=True
        ):
            if whose != -1 and not (whose == identity and where == camera):
                ranked.append((feature @ other / np.linalg.norm(feature) / np.linalg.norm(other), whose))
        cosine, whose = max(ranked)
        asked += any(one == identity for _, one in ranked)
        identified += whose == identity and cosine >= threshold
        strangers += 1
        accepted += max(cosine for cosine, one in ranked if one != identity) >= threshold
    return identified / asked, accepted / strangers


@pytest.mark.slow
def test_open_set_identification_is_the_obvious_one() -> None:
    query, gallery = people(5, queries=320, gallery=150)
    scores = pair_scores(query, gallery)
    result = open_set_metrics(scores, (1.0, 0.5, 0.1))
    for rate in (0.5, 0.1):
        identified, accepted = obvious_open_set(query, gallery, result.thresholds[rate])
        assert (result.rank_1[rate], accepted <= rate) == (identified, True)
        assert accepted > rate - 2 / 320
    # Where everybody is answered, it is rank 1.
    assert result.rank_1[1.0] == pytest.approx(rank_metrics(query, gallery).cmc[1])
    assert result.strangers == 320
    refused = open_set_metrics(scores, (0.01,))
    assert (refused.rank_1, list(refused.not_measurable)) == ({}, ["rank 1 at FAR 0.01"])
    assert "3,000 queries as strangers" in refused.not_measurable["rank 1 at FAR 0.01"]
