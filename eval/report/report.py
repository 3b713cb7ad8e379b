"""One report in three files: `report.json` for programs, `report.md` and a page, `report.html`, for people."""

import json
import math
import sys
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dgnet.core.errors import UserError
from dgnet.core.files import nearest_folder, replace_text, user_path
from dgnet.core.folder_names import printable
from dgnet.core.json_files import parse_json
from dgnet.core.old_files import current_report
from eval.report.html import as_html
from eval.report.page import HtmlSection
from eval.report.result import MetricValue, Picture, Report
from eval.report.text import as_markdown, as_table

__all__ = ["MetricValue", "Picture", "Report", "as_markdown", "as_html", "as_table", "read_report", "write_report"]

_LARGEST = sys.float_info.max
JSON_NAME, MARKDOWN_NAME, PAGE_NAME = "report.json", "report.md", "report.html"


def write_report(
    report: Report, folder: Path | str, *, overwrite: bool = False, sections: Sequence[HtmlSection] = ()
) -> tuple[Path, Path, Path]:
    """Write all forms into `folder` (created if missing), each atomically; returns their paths.

    `sections` are what only the page shows (`eval.report.page.section`): ranked lists, curves, pictures sorted by a
    score. The report's pictures must lie in `folder` already; the page carries them in itself.

    `UserError` if a report is there and `overwrite` is off, if a metric is not finite, or a picture is missing.
    """
    folder = user_path(folder)
    for metric in report.metrics:
        if not math.isfinite(metric.value):
            raise UserError(f"metric {metric.section!r} / {metric.name!r} must be a finite number, got {metric.value}")
    for name in (JSON_NAME, MARKDOWN_NAME, PAGE_NAME):
        if not overwrite and (folder / name).exists():
            raise UserError(f"{folder / name} already exists: name another folder or ask to overwrite it")
    texts = {
        PAGE_NAME: as_html(report, folder, sections),
        MARKDOWN_NAME: printable(as_markdown(report)),
        JSON_NAME: json.dumps(asdict(report), indent=2) + "\n",
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        replace_text(folder / name, text)
    return folder / JSON_NAME, folder / MARKDOWN_NAME, folder / PAGE_NAME


def read_report(path: Path | str) -> Report:
    """The report of a `report.json`, or of a folder that holds one, of an earlier version too.

    `UserError` if the file is something else.
    """
    path = user_path(path)
    path = path / JSON_NAME if path.is_dir() else path
    if not path.is_file():
        raise UserError(f"{path}: No such file; {nearest_folder(path)}")
    try:
        entries = current_report(parse_json(path.read_text(encoding="utf-8")))
        metrics = [MetricValue(**metric) for metric in entries.pop("metrics")]
        pictures = [Picture(**picture) for picture in entries.pop("pictures")]
        report = Report(metrics=metrics, pictures=pictures, **entries)
        _require_kinds(report)
        return report
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} must be a report.json of this library, it does not read as one ({error})") from error


def find_reports(folder: Path, checkpoints: Collection[str] = ()) -> tuple[dict[str, Report], list[str]]:
    """The reports of a run, by their path below its folder, and the paths of those of other checkpoints.

    They are `report.json`, and the newest below `evaluation/` (which tools/evaluate_gan.py writes, a folder for each
    iteration). `checkpoints` are the SHA-256 of the weights that they are to be of; none: any. A report that names no
    checkpoint, as those of earlier versions, passes. `UserError` if one is damaged.
    """
    evaluations = sorted((folder / "evaluation").glob(f"*/{JSON_NAME}"), reverse=True)
    paths = [path for path in (folder / JSON_NAME, *evaluations) if path.is_file()]
    reports = {path.relative_to(folder).as_posix(): read_report(path) for path in paths}
    wanted = set(checkpoints)
    own = {
        path: report
        for path, report in reports.items()
        if not (wanted and report.checkpoints) or wanted & set(report.checkpoints.values())
    }
    newest = next((path for path in own if path != JSON_NAME), None)
    chosen = {path: report for path, report in own.items() if path in (JSON_NAME, newest)}
    return chosen, [path for path in reports if path not in own]


def _require_kinds(report: Report) -> None:
    """`TypeError` where a file has the right keys and something else behind them."""
    tables = (report.data, report.protocols, report.checkpoints, report.not_measured)
    counts = (report.counts, report.seconds, report.estimated_seconds, *_table(report.splits).values())
    texts = [report.title, report.command, *(text for p in report.pictures for text in (p.path, p.caption))]
    texts += [text for table in tables for text in _table(table).values()]
    numbers = [number for table in counts for number in _table(table).values()]
    for metric in report.metrics:
        texts += [metric.section, metric.name, metric.unit, metric.protocol, metric.note, metric.better]
        numbers.append(metric.value)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("a text is not a text")
    for number in numbers:
        # Python's JSON has NaN, and whole numbers of any length.
        if type(number) not in (int, float) or not abs(number) <= _LARGEST:
            raise TypeError(f"{str(number)[:40]!r} is no finite number")
    for table in (report.machine, report.versions):
        _table(table)


def _table(entries: object) -> dict[str, Any]:
    if not isinstance(entries, dict):
        raise TypeError("a list of names and values is something else")
    return entries
