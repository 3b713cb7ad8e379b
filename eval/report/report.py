"""One report in three files: `report.json` for programs, `report.md` and a page, `report.html`, for people."""

import json
import math
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from dgnet.core.errors import UserError
from eval.report.html import as_page
from eval.report.page import Section
from eval.report.result import Figure, Picture, Report
from eval.report.text import as_markdown, as_table

__all__ = ["Figure", "Picture", "Report", "as_markdown", "as_page", "as_table", "read_report", "write_report"]

JSON_NAME, MARKDOWN_NAME, PAGE_NAME = "report.json", "report.md", "report.html"


def write_report(
    report: Report, folder: Path, *, overwrite: bool = False, sections: Sequence[Section] = ()
) -> tuple[Path, Path, Path]:
    """Write all forms into `folder` (made if missing), each atomically; returns their paths.

    `sections` are what only the page shows (`eval.report.page.section`): retrievals, curves, pictures sorted by a
    score. The
    report's pictures must lie in `folder` already; the page carries them in itself.

    `UserError` if a report is there and `overwrite` is off, if a figure is not finite, or a picture is missing.
    """
    for figure in report.figures:
        if not math.isfinite(figure.value):
            raise UserError(f"figure {figure.section!r} / {figure.name!r} must be a finite number, got {figure.value}")
    for name in (JSON_NAME, MARKDOWN_NAME, PAGE_NAME):
        if not overwrite and (folder / name).exists():
            raise UserError(f"{folder / name} is there already: name another folder or ask to overwrite it")
    texts = {
        PAGE_NAME: as_page(report, folder, sections),
        MARKDOWN_NAME: as_markdown(report),
        JSON_NAME: json.dumps(asdict(report), indent=2) + "\n",
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        write_text(folder / name, text)
    return folder / JSON_NAME, folder / MARKDOWN_NAME, folder / PAGE_NAME


def read_report(path: Path) -> Report:
    """The report of a `report.json`; `UserError` if the file is something else."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        figures = [Figure(**figure) for figure in entries.pop("figures")]
        pictures = [Picture(**picture) for picture in entries.pop("pictures")]
        report = Report(figures=figures, pictures=pictures, **entries)
        _require_kinds(report)
        return report
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} must be a report.json of this library, it does not read as one ({error})") from error


def write_text(path: Path, text: str) -> None:
    """Write UTF-8, whole or not at all; a file of that name is replaced."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.chmod(temporary, 0o644)  # mkstemp makes files that only their owner reads
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _require_kinds(report: Report) -> None:
    """`TypeError` where a file has the right keys and something else behind them."""
    tables = (report.counts, report.splits, report.protocols, report.checkpoints, report.seconds, report.machine)
    texts = [report.title, report.command, *(text for p in report.pictures for text in (p.path, p.caption))]
    texts += report.not_measured.values()
    for figure in report.figures:
        texts += [figure.section, figure.name, figure.unit, figure.protocol, figure.note]
        if type(figure.value) not in (int, float):
            raise TypeError(f"the value of {figure.name!r} is {figure.value!r}")
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a text is not a text")
    if not all(isinstance(entries, dict) for entries in (*tables, report.versions)):
        raise TypeError("a list of names and values is something else")
