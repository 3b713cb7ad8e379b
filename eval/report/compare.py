"""Compares reports side by side. Metrics of different protocols are never in one row, and a warning names them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from dgnet.core.errors import UserError
from eval.report.result import Report, number_text

SAME, DIFFERENT, UNKNOWN = " ", "≠", "?"


@dataclass(frozen=True)
class Row:
    """One metric by one protocol: its value in each report, None where a report lacks it.

    `mark` is DIFFERENT where another report has the metric by another protocol (or unit) only, UNKNOWN where values
    stand side by side and no protocol is stated, SAME otherwise.
    """

    section: str
    name: str
    protocol: str
    unit: str
    values: tuple[float | int | None, ...]
    mark: str


@dataclass(frozen=True)
class Comparison:
    """The rows in the order of the first report, and warnings about them, a sentence each.

    `not_measured` holds the names and reasons of each report.
    """

    titles: tuple[str, ...]
    rows: tuple[Row, ...]
    warnings: tuple[str, ...]
    not_measured: tuple[dict[str, str], ...]


def compare(reports: Sequence[Report]) -> Comparison:
    """Line up the metrics of two or more reports. `UserError` for fewer, or a report that has one twice."""
    if len(reports) < 2:
        raise UserError(f"a comparison needs at least two reports, got {len(reports)}")
    by_metric: dict[tuple[str, str], dict[tuple[str, str], dict[int, float | int]]] = {}
    for number, report in enumerate(reports):
        for metric in report.metrics:
            protocols = by_metric.setdefault((metric.section, metric.name), {})
            values = protocols.setdefault((metric.protocol, metric.unit), {})
            if number in values:
                raise UserError(f"{report.title!r} has {metric.section!r} / {metric.name!r} twice by one protocol")
            values[number] = metric.value
    rows = []
    for (section, name), measured in by_metric.items():
        holders = {number for values in measured.values() for number in values}
        for (protocol, unit), values in measured.items():
            mark = DIFFERENT if holders - set(values) else UNKNOWN if not protocol and len(values) > 1 else SAME
            row = tuple(values.get(number) for number in range(len(reports)))
            rows.append(Row(section, name, protocol, unit, row, mark))
    # What one protocol measured stands together; the rest of the order is that of the reports.
    sections = list(dict.fromkeys(row.section for row in rows))
    order = list(dict.fromkeys(row.protocol for row in rows))
    rows.sort(key=lambda row: (sections.index(row.section), order.index(row.protocol)))
    missing = tuple(report.not_measured for report in reports)
    return Comparison(tuple(report.title for report in reports), tuple(rows), _warnings(reports, rows), missing)


def as_text(comparison: Comparison, labels: Sequence[str], sources: Sequence[str]) -> str:
    """The comparison for a terminal: `labels` head the columns and stand for `sources`; two get a difference."""
    two = len(labels) == 2
    width = max([len(row.name) for row in comparison.rows] + [12])
    column = max([len(label) for label in labels] + [12])
    heads = [*labels, *([f"{labels[1]} - {labels[0]}"] if two else [])]
    entries = zip(labels, comparison.titles, sources, strict=True)
    lines = [f"{label}  {title} ({source})" for label, title, source in entries]
    for section, rows in groupby(comparison.rows, key=lambda row: row.section):
        lines += ["", f"{section:{width + 4}}" + "".join(f"  {head:>{column}}" for head in heads)]
        protocol = None
        for row in rows:
            if row.protocol != protocol:
                protocol = row.protocol
                lines.append(f"  by {protocol or 'a protocol that is not stated'}")
            cells = ["-" if value is None else number_text(value, row.unit) for value in row.values]
            first, second, *_ = row.values
            if two:
                whole = first is not None and second is not None
                cells.append(_signed(second - first, row.unit) if whole else "")  # type: ignore[operator]
            lines.append(f"  {row.mark} {row.name:{width}}" + "".join(f"  {cell:>{column}}" for cell in cells))
    for label, missing in zip(labels, comparison.not_measured, strict=True):
        lines += ["", f"Not measured in {label}"] if missing else []
        lines += [f"    {name}: {reason}" for name, reason in missing.items()]
    return "\n".join(line.rstrip() for line in [*lines, *([""] if comparison.warnings else []), *comparison.warnings])


def _warnings(reports: Sequence[Report], rows: Sequence[Row]) -> tuple[str, ...]:
    warnings = []
    if different := _named([row for row in rows if row.mark == DIFFERENT]):
        warnings.append(
            f"{DIFFERENT} Measured by different protocols, each in a row of its own; do not compare them: {different}."
        )
    if unknown := _named([row for row in rows if row.mark == UNKNOWN]):
        warnings.append(f"{UNKNOWN} No protocol is stated, so it is unknown whether these may be compared: {unknown}.")
    for split in dict.fromkeys(name for report in reports for name in report.splits):
        counts = [report.splits[split] for report in reports if split in report.splits]
        if any(count != counts[0] for count in counts):
            each = " and ".join(", ".join(f"{n:,} {what}" for what, n in count.items()) for count in counts)
            warnings.append(f"! The reports measured different data: {split} is {each}.")
    for name in dict.fromkeys(name for report in reports for name in report.data):
        if len({report.data[name] for report in reports if name in report.data}) > 1:
            warnings.append(f"! The reports measured different data: the images or labels of {name} are not the same.")
    return tuple(warnings)


def _named(rows: Sequence[Row]) -> str:
    """The metrics of these rows, each once, by section."""
    names: dict[str, dict[str, None]] = {}
    for row in rows:
        names.setdefault(row.section, {})[row.name] = None
    return "; ".join(f"{section}: {', '.join(metrics)}" for section, metrics in names.items())


def _signed(difference: float | int, unit: str) -> str:
    text = number_text(difference, unit)
    return text if text.startswith("-") else f"+{text}"
