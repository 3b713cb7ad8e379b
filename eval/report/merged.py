"""The reports that a run's folder holds, merged for its page."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from eval.report.report import find_reports
from eval.report.result import MetricValue


@dataclass(frozen=True)
class MergedReports:
    """The metrics of several reports, their protocols (name -> what it does), and what they did not measure -> why."""

    metrics: list[MetricValue]
    protocols: dict[str, str]
    not_measured: dict[str, str]


def merged_reports(folder: Path, checkpoints: Collection[str], data: Mapping[str, str]) -> MergedReports:
    """The reports of a run (`find_reports`), without those of other checkpoints, images or labels, which are named.

    Args:
        checkpoints: the SHA-256 of the weights.
        data: what was measured -> its SHA-256.
    """
    found, others = find_reports(folder, checkpoints)
    reports = {path: report for path, report in found.items() if not report.of_other_data(data)}
    not_measured = {f"the metrics of {path}": "they are of another checkpoint than this page" for path in others}
    for path in found:
        if path not in reports:
            not_measured[f"the metrics of {path}"] = "they are of other images or labels than this page"
    protocols = {f"as in {path}": f"measured by {report.command}" for path, report in reports.items()}
    for report in reports.values():
        protocols |= report.protocols
        not_measured |= report.not_measured
    return MergedReports([metric for report in reports.values() for metric in report.metrics], protocols, not_measured)
