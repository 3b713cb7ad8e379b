"""One result object: figures with everything needed to read them, compare them and measure them again."""

import contextlib
import os
import platform
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import torch

from eval.errors import EvaluationError

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

    @property
    def text(self) -> str:
        """The number as people read it, with its unit: "93.8 %", "14.20 dB", "0.8124", "300"."""
        return number_text(self.value, self.unit)


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
    not_measured: dict[str, str] = field(default_factory=dict)  # what has no figure -> the reason
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


def number_text(value: float | int, unit: str = "") -> str:
    """A number with as many digits as its unit deserves, and the unit."""
    # Shares and dB are read to a tenth or a hundredth; plain numbers (SSIM, ratios) need four digits.
    if unit in ("%", "dB"):
        return f"{value:.{1 if unit == '%' else 2}f} {unit}"
    if value == int(value):
        return f"{value:.0f} {unit}".rstrip()
    return (f"{value:.4f} {unit}" if abs(value) >= 0.001 else f"{value:.3g} {unit}").rstrip()


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


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
