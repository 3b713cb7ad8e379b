"""A report as text: tables for a terminal, and Markdown."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from eval.report.result import Figure, Report

NOT_MEASURED = "Not measured"


def by_section(figures: Sequence[Figure]) -> dict[str, dict[str, list[Figure]]]:
    """Section -> protocol -> its figures, all in the order of their first appearance."""
    grouped: dict[str, dict[str, list[Figure]]] = {}
    for figure in figures:
        grouped.setdefault(figure.section, {}).setdefault(figure.protocol, []).append(figure)
    return grouped


def as_table(figures: Sequence[Figure], not_measured: Mapping[str, str] = MappingProxyType({})) -> str:
    """The figures for a terminal: a heading for each section, a line for each protocol, a line for each figure.

    What was not measured follows, each with its reason.
    """
    width = max((len(figure.name) for figure in figures), default=0)
    numbers = max((len(figure.text) for figure in figures), default=0)
    lines: list[str] = []
    for section, protocols in by_section(figures).items():
        lines += [*([""] if lines else []), section]
        for protocol, group in protocols.items():
            lines += [f"  by {protocol}"] if protocol else []
            lines += [f"    {f.name:{width}}  {f.text:>{numbers}}  {f.note}".rstrip() for f in group]
    if not_measured:
        lines += [*([""] if lines else []), NOT_MEASURED]
        lines += [f"    {name}: {reason}" for name, reason in not_measured.items()]
    return "\n".join(lines)


def as_markdown(report: Report) -> str:
    """The readable form: tables of figures by section, what was not measured, pictures, counts, seconds, machine and
    versions."""
    lines = [f"# {report.title}", ""]
    if report.command:
        lines += [f"Measured by `{report.command}`.", ""]
    for section in dict.fromkeys(figure.section for figure in report.figures):
        figures = [figure for figure in report.figures if figure.section == section]
        lines += [f"## {section}", "", "| figure | value | protocol | note |", "|---|---:|---|---|"]
        lines += [f"| {_cell(f.name)} | {f.text} | {_cell(f.protocol)} | {_cell(f.note)} |" for f in figures] + [""]
    if report.not_measured:
        lines += _listing(NOT_MEASURED, report.not_measured)
    for picture in report.pictures:
        lines += [f"![{picture.caption}]({picture.path})", "", f"*{picture.caption}*", ""]
    for title, entries in listings(report).items():
        lines += _listing(title, entries)
    return "\n".join(lines).rstrip() + "\n"


def _listing(title: str, entries: Mapping[str, str]) -> list[str]:
    rows = [f"| {_cell(key)} | {_cell(value)} |" for key, value in entries.items()]
    return [f"## {title}", "", "| | |", "|---|---|", *rows, ""]


def listings(report: Report) -> dict[str, dict[str, str]]:
    """What stands below the figures, heading -> name -> words; a report that lacks something lacks the heading."""
    seconds = {name: f"{value:.1f} s" for name, value in report.seconds.items()}
    if seconds:
        seconds["all together"] = f"{sum(report.seconds.values()):.1f} s"
    found: dict[str, dict[str, str]] = {
        "Protocols": report.protocols,
        "Data": {name: f"{number:,}" for name, number in report.counts.items()}
        | {split: _said(numbers) for split, numbers in report.splits.items()},
        "Checkpoints (SHA-256)": report.checkpoints,
        "Time": seconds,
        "Machine": report.machine,
        "Versions": report.versions,
    }
    return {title: entries for title, entries in found.items() if entries}


def _said(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {what}" for what, number in numbers.items())


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
