"""Verification and open-set identification in a report."""

import numpy as np
import pytest

from dgnet.data.query_gallery import SplitRule
from eval.reid.labeled_features import LabeledFeatures
from eval.reid.open_set import open_set_metrics
from eval.reid.pair_scores import pair_scores
from eval.reid.verification import verification_metrics
from eval.report.chart import line_chart
from eval.report.page import document
from eval.report.verification import roc_section, same_person_figures
from tests.eval.report.pages import Page, foreign_loads


def result(seed: int, images: int) -> tuple:
    random = np.random.default_rng(seed)
    centers = random.standard_normal((8, 5))

    def side() -> LabeledFeatures:
        ids = random.integers(1, 8, images)
        return LabeledFeatures(centers[ids] + random.standard_normal((images, 5)), ids, random.integers(0, 3, images))

    scores = pair_scores(side(), side())
    return verification_metrics(scores), open_set_metrics(scores)


def test_figures_name_protocol_counts_and_threshold() -> None:
    verification, open_set = result(0, 320)
    figures = same_person_figures(verification, open_set, "a network", "leave one out")
    by_name = {metric.name: metric for metric in figures.metrics}
    assert set(by_name) | set(figures.not_measured) == {
        *(f"TPR at FPR {rate}" for rate in ("0.1", "0.01", "0.001", "0.0001")),
        *("EER", "AUC", "rank 1 at FAR 0.1", "rank 1 at FAR 0.01"),
    }
    assert {"TPR at FPR 0.0001", "rank 1 at FAR 0.01"} <= set(figures.not_measured)
    tpr = by_name["TPR at FPR 0.1"]
    assert (tpr.value, tpr.unit, tpr.better) == (100 * verification.tpr[0.1], "%", "higher")
    assert f"{verification.thresholds[0.1]:.4f}" in tpr.note
    assert f"{verification.negatives:,} of two, leave one out" in tpr.protocol
    assert (by_name["EER"].better, by_name["EER"].note) == ("lower", "a network")
    assert by_name["EER"].section == "Verification"
    assert by_name["rank 1 at FAR 0.1"].section == "Open-set identification"
    assert "320 strangers" in by_name["rank 1 at FAR 0.1"].protocol


def test_where_cameras_are_not_used_the_words_do_not_say_that_they_are() -> None:
    """A report said "by two known cameras" of pairs of all images."""
    split = str(SplitRule(without_cameras=True))
    figures = same_person_figures(*result(0, 320), split=split)
    (section,) = figures.sections
    for words in (figures.metrics[0].protocol, str(section.body)):
        assert "of whatever camera" in words and "known cameras" not in words
    assert "by two known cameras" in same_person_figures(*result(0, 320)).metrics[0].protocol


def test_the_curve_of_a_page() -> None:
    verification, open_set = result(0, 120)
    (section,) = same_person_figures(verification, open_set).sections
    page = Page(document("t", [section]))
    assert foreign_loads(page) == [] and section.title == "ROC"
    (drawing,) = (element for element in page.root.all("svg") if element.attributes.get("aria-label"))
    # It ends where everything is called one person, and begins where 30 errors are expected.
    assert drawing.attributes["aria-label"].endswith("to 100 at 1")
    assert f"{30 / verification.negatives:.4g}" in drawing.attributes["aria-label"]
    curve, chance = (
        [tuple(map(float, point.split(","))) for point in line.attributes["points"].split()]
        for line in drawing.all("polyline")
    )
    # Chance calls as many pairs of one person so as of two; the network is above it (up is a smaller number).
    assert curve[-1] == chance[-1] and curve[len(curve) // 2][1] < chance[len(chance) // 2][1]
    few = result(1, 4)
    assert few[0].auc is None and same_person_figures(*few).sections == []


def test_a_logarithmic_axis_of_x() -> None:
    chart = str(line_chart("t", {"a": [(0.001, 0), (0.1, 1), (1, 2)]}, "x", log=False, log_x=True))
    points = chart.partition('points="')[2].partition('"')[0].split()
    first, middle, last = (float(point.split(",")[0]) for point in points)
    assert (middle - first) / (last - first) == pytest.approx(2 / 3, abs=1e-3)
    assert roc_section(result(0, 120)[0]).title == "ROC"
