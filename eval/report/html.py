"""A report as a page of one file."""

from collections.abc import Sequence
from pathlib import Path

from eval.report.page import Html, Section, document, listing, picture_file, section, table, words
from eval.report.result import Figure, Report
from eval.report.text import NOT_MEASURED, by_section, listings


def as_page(report: Report, folder: Path, sections: Sequence[Section] = (), first: Sequence[Section] = ()) -> str:
    """The page: the sections `first`, figures by section and protocol, what was not measured, the report's pictures,
    `sections`, and the rest.

    `folder` is where the report's pictures lie. `UserError` if one cannot be read.
    """
    opening = [Html(f"<p>Measured by <code>{words(report.command)}</code></p>")] if report.command else []
    parts = [*first, *figure_sections(report.figures)]
    if report.not_measured:
        parts.append(section(NOT_MEASURED, listing("What is missing, and why", report.not_measured)))
    if report.pictures:
        parts.append(section("Pictures", *(picture_file(folder / p.path, p.caption) for p in report.pictures)))
    below = section("How it was measured", *(listing(title, entries) for title, entries in listings(report).items()))
    return document(report.title, [*parts, *sections, below], opening)


def figure_sections(figures: Sequence[Figure]) -> list[Section]:
    """A section with a table for each section of the figures; what one protocol measured stands together."""
    found = []
    for title, protocols in by_section(figures).items():
        groups = {
            f"Protocol: {protocol}" if protocol else "": [[_named(figure), words(figure.text)] for figure in group]
            for protocol, group in protocols.items()
        }
        caption = f"{title}: each figure under the protocol that it follows"
        found.append(section(title, table(caption, ("figure", "value"), groups)))
    return found


def _named(figure: Figure) -> Html:
    return Html(words(figure.name) + (f"<small>{words(figure.note)}</small>" if figure.note else ""))
