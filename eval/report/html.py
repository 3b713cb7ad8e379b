"""A report as an HTML page of one file."""

from collections.abc import Sequence
from pathlib import Path

from eval.report.page import Html, HtmlSection, code_line, document, listing, picture_file, section, table, with_note
from eval.report.result import MetricValue, Report
from eval.report.text import NOT_MEASURED, by_section, listings


def as_html(
    report: Report, folder: Path, sections: Sequence[HtmlSection] = (), first: Sequence[HtmlSection] = ()
) -> str:
    """The page: the sections `first`, the report's pictures, the metrics by section and protocol, what was not
    measured, `sections`, and how it was measured.

    `folder` is where the report's pictures lie. `UserError` if one cannot be read.
    """
    opening = [code_line("Measured by", report.command)] if report.command else []
    parts = [*first]
    if report.pictures:
        parts.append(section("Pictures", *(picture_file(folder / p.path, p.caption) for p in report.pictures)))
    parts += metric_sections(report.metrics)
    if report.not_measured:
        parts.append(section(NOT_MEASURED, listing("What is missing, and why", report.not_measured)))
    below = section("How it was measured", *(listing(title, entries) for title, entries in listings(report).items()))
    return document(report.title, [*parts, *sections, below], opening)


def metric_sections(metrics: Sequence[MetricValue]) -> list[HtmlSection]:
    """A section with a table for each section of the metrics; what one protocol measured stands together."""
    sections = []
    for title, protocols in by_section(metrics).items():
        groups: dict[str, list[list[Html | str]]] = {
            f"Protocol: {protocol}" if protocol else "": [[_name(metric), metric.text] for metric in group]
            for protocol, group in protocols.items()
        }
        caption = f"{title}: each metric under the protocol that it follows"
        sections.append(section(title, table(caption, ("metric", "value"), groups)))
    return sections


def _name(metric: MetricValue) -> Html:
    # A note is a sentence or a few words; the direction goes on after either.
    notes = [metric.note.removesuffix("."), f"{metric.better} is better" if metric.better else ""]
    return with_note(metric.name, "; ".join(note for note in notes if note))
