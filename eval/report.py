"""Figures with everything needed to read them, as `report.json` for programs and `report.md` for people."""

import contextlib
import json
import math
import os
import platform
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path

import torch

from eval.errors import EvaluationError

JSON_NAME, MARKDOWN_NAME = "report.json", "report.md"
_LIBRARIES = ("torchvision", "numpy", "scipy", "scikit-image")


@dataclass(frozen=True)
class Figure:
    """One number. `section` groups the readable report, `protocol` says how it was measured, `note` what it means."""

    section: str
    name: str
    value: float | int
    unit: str = ""  # "%" and "dB" as written; "" for plain numbers such as SSIM
    protocol: str = ""
    note: str = ""


@dataclass(frozen=True)
class Picture:
    """A picture beside the report: its path as seen from the report's folder, and what it shows."""

    path: str
    caption: str


@dataclass(frozen=True)
class Report:
    """All that one run measured."""

    title: str
    figures: list[Figure]
    command: str = ""  # what prints these figures again
    counts: dict[str, int] = field(default_factory=dict)  # identities, images, pairs, iterations
    splits: dict[str, dict[str, int]] = field(default_factory=dict)  # "query" -> {"images": 3368, "identities": 750}
    protocols: dict[str, str] = field(default_factory=dict)  # a protocol's name -> what it does, in a sentence
    checkpoints: dict[str, str] = field(default_factory=dict)  # whose weights ("outputs/x/...pt") -> their SHA-256
    seconds: dict[str, float] = field(default_factory=dict)  # wall time of each stage
    pictures: list[Picture] = field(default_factory=list)
    machine: dict[str, str] = field(default_factory=lambda: this_machine())
    versions: dict[str, str] = field(default_factory=lambda: installed_versions())

    def value(self, section: str, name: str) -> float | int:
        """The figure of that section and name; `EvaluationError` if the report has none or several."""
        found = [figure.value for figure in self.figures if (figure.section, figure.name) == (section, name)]
        if len(found) != 1:
            raise EvaluationError(f"the report must hold one figure {section!r} / {name!r}, it holds {len(found)}")
        return found[0]


def this_machine() -> dict[str, str]:
    """What it ran on: processor, cores that this process may use, memory, and the accelerator if there is one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    found = {"processor": _processor(), "cores": str(cores), "system": f"{platform.system()} {platform.machine()}"}
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        found["memory"] = f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"
    if torch.cuda.is_available():
        found["accelerator"] = torch.cuda.get_device_name()
    return found


def installed_versions() -> dict[str, str]:
    """Python and the libraries that figures depend on, as far as they are installed."""
    found = {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
    }  # the build's suffix tells CUDA or CPU
    for name in _LIBRARIES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def write_report(report: Report, folder: Path, *, overwrite: bool = False) -> tuple[Path, Path]:
    """Write both forms into `folder` (made if missing), each atomically; returns their paths.

    `EvaluationError` if a report is there and `overwrite` is off, or if a figure is not finite.
    """
    for figure in report.figures:
        if not math.isfinite(figure.value):
            raise EvaluationError(
                f"figure {figure.section!r} / {figure.name!r} must be a finite number, got {figure.value}"
            )
    texts = {JSON_NAME: json.dumps(asdict(report), indent=2) + "\n", MARKDOWN_NAME: as_markdown(report)}
    folder.mkdir(parents=True, exist_ok=True)
    for name in texts:
        if not overwrite and (folder / name).exists():
            raise EvaluationError(f"{folder / name} is there already: name another folder or ask to overwrite it")
    for name, text in texts.items():
        _write_atomically(folder / name, text)
    return folder / JSON_NAME, folder / MARKDOWN_NAME


def read_report(path: Path) -> Report:
    """The report of a `report.json`; `EvaluationError` if the file is something else."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        figures = [Figure(**figure) for figure in entries.pop("figures")]
        pictures = [Picture(**picture) for picture in entries.pop("pictures")]
        return Report(figures=figures, pictures=pictures, **entries)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EvaluationError(
            f"{path} must be a report.json of this library, it does not read as one ({error})"
        ) from error


def as_markdown(report: Report) -> str:
    """The readable form: tables of figures by section, then pictures, counts, seconds, machine and versions."""
    lines = [f"# {report.title}", ""]
    if report.command:
        lines += [f"Measured by `{report.command}`.", ""]
    for section in dict.fromkeys(figure.section for figure in report.figures):
        figures = [figure for figure in report.figures if figure.section == section]
        lines += [f"## {section}", "", "| figure | value | protocol | note |", "|---|---:|---|---|"]
        lines += [f"| {_cell(f.name)} | {_number(f)} | {_cell(f.protocol)} | {_cell(f.note)} |" for f in figures] + [""]
    for picture in report.pictures:
        lines += [f"![{picture.caption}]({picture.path})", "", f"*{picture.caption}*", ""]
    seconds = {name: f"{value:.1f} s" for name, value in report.seconds.items()}
    if seconds:
        seconds["all together"] = f"{sum(report.seconds.values()):.1f} s"
    data = report.counts | {split: _said(numbers) for split, numbers in report.splits.items()}
    for title, entries in (
        ("Protocols", report.protocols), ("Data", data), ("Checkpoints (SHA-256)", report.checkpoints),
        ("Time", seconds), ("Machine", report.machine), ("Versions", report.versions),
    ):  # fmt: skip
        lines += _listing(title, entries)
    return "\n".join(lines).rstrip() + "\n"


def _listing(title: str, entries: Mapping[str, object]) -> list[str]:
    if not entries:
        return []
    return (
        [f"## {title}", "", "| | |", "|---|---|"]
        + [f"| {_cell(k)} | {_cell(str(v))} |" for k, v in entries.items()]
        + [""]
    )


def _said(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {what}" for what, number in numbers.items())


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _number(figure: Figure) -> str:
    # Shares and dB are read to a tenth or a hundredth; plain numbers (SSIM, ratios) need four digits.
    digits = {"%": 1, "dB": 2}.get(figure.unit, 4)
    if figure.value == int(figure.value) and figure.unit not in ("%", "dB"):
        digits = 0
    return f"{figure.value:.{digits}f} {figure.unit}".rstrip()


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _write_atomically(path: Path, text: str) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.chmod(temporary, 0o644)  # mkstemp makes files that only their owner reads
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
