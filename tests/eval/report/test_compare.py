"""Only metrics of one protocol stand in one row; the others are named, not hidden."""

import pytest

from eval.report.compare import DIFFERENT, SAME, UNKNOWN, as_text, compare
from eval.report.report import MetricValue, Report
from tests.messages import mentions


def report(title: str, *metrics: MetricValue, **others) -> Report:
    return Report(title, list(metrics), machine={}, versions={}, **others)


STANDARD = MetricValue("Re-identification", "mAP", 80.0, "%", "standard")
DGNET = MetricValue("Re-identification", "mAP", 82.0, "%", "dgnet")


def test_the_same_protocol_stands_in_one_row_with_the_difference():
    comparison = compare(
        [report("a", STANDARD), report("b", MetricValue("Re-identification", "mAP", 78.5, "%", "standard"))]
    )
    (row,) = comparison.rows
    assert (row.values, row.mark, comparison.warnings) == ((80.0, 78.5), SAME, ())
    assert "mAP" in (line := as_text(comparison, ["A", "B"], ["a.json", "b.json"]).splitlines()[-1]) and line.endswith(
        "-1.5 %"
    )


def test_different_protocols_never_share_a_row():
    comparison = compare([report("a", STANDARD), report("b", DGNET)])
    assert [(row.protocol, row.values, row.mark) for row in comparison.rows] == [
        ("standard", (80.0, None), DIFFERENT),
        ("dgnet", (None, 82.0), DIFFERENT),
    ]
    (warning,) = comparison.warnings
    assert "different protocols" in warning and warning.endswith("do not compare them: Re-identification: mAP.")
    text = as_text(comparison, ["A", "B"], ["a.json", "b.json"])
    assert "+2.0" not in text, "no difference of what cannot be compared"
    assert text.count("≠ mAP") == 2 and text.endswith(warning)


def test_what_one_protocol_measured_stands_together():
    metrics = [MetricValue("Re-identification", name, 1.0, "%", protocol) for name in "ab" for protocol in ("x", "y")]
    rows = compare([report("a", *metrics[::2]), report("b", *metrics[1::2])]).rows
    assert [(row.protocol, row.name) for row in rows] == [("x", "a"), ("x", "b"), ("y", "a"), ("y", "b")]


def test_both_protocols_in_both_reports_are_two_rows():
    comparison = compare([report("a", STANDARD, DGNET), report("b", DGNET, STANDARD)])
    assert [(row.values, row.mark) for row in comparison.rows] == [((80.0, 80.0), SAME), ((82.0, 82.0), SAME)]
    # One of them lacks a protocol: both have the metric, one value stands alone.
    comparison = compare([report("a", STANDARD, DGNET), report("b", DGNET)])
    assert [row.mark for row in comparison.rows] == [DIFFERENT, SAME]


def test_another_unit_is_another_measure():
    comparison = compare(
        [report("a", STANDARD), report("b", MetricValue("Re-identification", "mAP", 0.8, "", "standard"))]
    )
    assert [row.mark for row in comparison.rows] == [DIFFERENT, DIFFERENT]


def test_what_only_one_report_has_is_no_contradiction():
    comparison = compare([report("a", STANDARD), report("b"), report("c", STANDARD)])
    assert comparison.rows[0].values == (80.0, None, 80.0) and comparison.warnings == ()


def test_what_was_not_measured_is_named_with_its_report():
    missing = {"FID by dgnet": "no weights"}
    comparison = compare([report("a", STANDARD), report("b", STANDARD, not_measured=missing)])
    assert comparison.warnings == () and comparison.not_measured == ({}, missing)
    text = as_text(comparison, ["A", "B"], ["a.json", "b.json"])
    assert text.endswith("\n\nNot measured in B\n    FID by dgnet: no weights") and "in A" not in text


def test_no_protocol_and_other_data_are_said():
    bare = MetricValue("Swaps", "PSNR", 14.0, "dB")
    first = report("a", bare, splits={"query": {"images": 3368}})
    second = report("b", bare, splits={"query": {"images": 100}, "gallery": {"images": 7}})
    comparison = compare([first, second])
    assert comparison.rows[0].mark == UNKNOWN
    assert "No protocol is stated" in comparison.warnings[0]
    assert comparison.warnings[1] == "! The reports measured different data: query is 3,368 images and 100 images."


def test_other_images_in_equal_numbers_are_noticed() -> None:
    def of(digits: str) -> Report:
        data = {"query and gallery": digits} if digits else {}
        return Report("Accuracy", [MetricValue("Re-identification", "mAP", 80.0, "%", "standard")], data=data)

    assert compare([of("ab"), of("ab"), of("")]).warnings == ()
    (warning,) = compare([of("ab"), of("cd")]).warnings
    assert "different data" in warning and "query and gallery" in warning


def test_what_cannot_be_compared():
    with pytest.raises(ValueError, match=mentions("reports", 1)):
        compare([report("a", STANDARD)])
    with pytest.raises(ValueError, match=mentions("'a'", "'Re-identification'", "'mAP'")):
        compare([report("a", STANDARD, STANDARD), report("b")])
