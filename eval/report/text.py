"""A report as text: tables for a terminal, and Markdown."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from eval.report.result import Direction, MetricValue, Report

NOT_MEASURED = "Not measured"
# Beside a number: the direction that is better.
ARROWS: dict[Direction, str] = {"": " ", "higher": "↑", "lower": "↓"}


def by_section(metrics: Sequence[MetricValue]) -> dict[str, dict[str, list[MetricValue]]]:
    """Section -> protocol -> its metrics, all in the order of their first appearance."""
    grouped: dict[str, dict[str, list[MetricValue]]] = {}
    for metric in metrics:
        grouped.setdefault(metric.section, {}).setdefault(metric.protocol, []).append(metric)
    return grouped


def as_table(metrics: Sequence[MetricValue], not_measured: Mapping[str, str] = MappingProxyType({})) -> str:
    """The metrics for a terminal: a heading for each section, a line for each protocol, a line for each metric.

    What was not measured follows, each with its reason.
    """
    width = max((len(metric.name) for metric in metrics), default=0)
    numbers = max((len(metric.text) for metric in metrics), default=0)
    lines: list[str] = []
    for section, protocols in by_section(metrics).items():
        lines += [*([""] if lines else []), section]
        for protocol, group in protocols.items():
            lines += [f"  by {protocol}"] if protocol else []
            lines += [f"    {m.name:{width}}  {m.text:>{numbers}} {ARROWS[m.better]}  {m.note}".rstrip() for m in group]
    if not_measured:
        lines += [*([""] if lines else []), NOT_MEASURED]
        lines += [f"    {name}: {reason}" for name, reason in not_measured.items()]
    return "\n".join(lines)


def as_markdown(report: Report) -> str:
    """The readable form: pictures, tables of metrics by section, what was not measured, counts, seconds, machine and
    versions."""
    lines = [f"# {report.title}", ""]
    if report.command:
        lines += [f"Measured by `{report.command}`.", ""]
    for picture in report.pictures:
        lines += [f"![{picture.caption}]({picture.path})", "", f"*{picture.caption}*", ""]
    for section in dict.fromkeys(metric.section for metric in report.metrics):
        metrics = [metric for metric in report.metrics if metric.section == section]
        lines += [f"## {section}", "", "| metric | value | better | protocol | note |", "|---|---:|---|---|---|"]
        lines += [
            f"| {_cell(m.name)} | {m.text} | {m.better} | {_cell(m.protocol)} | {_cell(m.note)} |" for m in metrics
        ]
        lines.append("")
    if report.not_measured:
        lines += _listing(NOT_MEASURED, report.not_measured)
    for title, entries in listings(report).items():
        lines += _listing(title, entries)
    return "\n".join(lines).rstrip() + "\n"


def _listing(title: str, entries: Mapping[str, str]) -> list[str]:
    rows = [f"| {_cell(key)} | {_cell(value)} |" for key, value in entries.items()]
    return [f"## {title}", "", "| | |", "|---|---|", *rows, ""]


def listings(report: Report) -> dict[str, dict[str, str]]:
    """The tables below the metrics, heading -> name -> text; without those that the report has no entries for."""
    seconds = dict(report.seconds)
    if seconds:
        seconds["all together"] = sum(report.seconds.values())
    estimates = {name: f" (estimated {value:.0f} s)" for name, value in report.estimated_seconds.items()}
    entries: dict[str, dict[str, str]] = {
        "Protocols": report.protocols,
        "Data": {name: f"{number:,}" for name, number in report.counts.items()}
        | {split: _counts(numbers) for split, numbers in report.splits.items()},
        "Images and labels (SHA-256)": report.data,
        "Checkpoints (SHA-256)": report.checkpoints,
        "Time": {name: f"{value:.1f} s{estimates.get(name, '')}" for name, value in seconds.items()},
        "Machine": report.machine,
        "Versions": report.versions,
    }
    return {title: rows for title, rows in entries.items() if rows}


def _counts(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {what}" for what, number in numbers.items())


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
