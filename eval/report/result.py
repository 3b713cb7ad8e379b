"""One result object: figures with everything needed to read them, compare them and measure them again."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dgnet.core.errors import UserError
from dgnet.core.machine import machine, versions


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
    machine: dict[str, str] = field(default_factory=lambda: described(machine()))
    versions: dict[str, str] = field(default_factory=lambda: described(versions()))

    def value(self, section: str, name: str) -> float | int:
        """The figure of that section and name; `UserError` if the report has none or several."""
        found = [figure.value for figure in self.figures if (figure.section, figure.name) == (section, name)]
        if len(found) != 1:
            raise UserError(f"the report must hold one figure {section!r} / {name!r}, it holds {len(found)}")
        return found[0]


def number_text(value: float | int, unit: str = "") -> str:
    """A number with as many digits as its unit deserves, and the unit."""
    # Shares and dB are read to a tenth or a hundredth; plain numbers (SSIM, ratios) need four digits.
    if unit in ("%", "dB"):
        return f"{value:.{1 if unit == '%' else 2}f} {unit}"
    if value == int(value):
        return f"{value:.0f} {unit}".rstrip()
    return (f"{value:.4f} {unit}" if abs(value) >= 0.001 else f"{value:.3g} {unit}").rstrip()


def described(facts: Mapping[str, object]) -> dict[str, str]:
    """Facts of `dgnet.core.machine` in words, without those that are not there."""
    words = {name: ", ".join(value) if isinstance(value, list) else value for name, value in facts.items()}
    return {name: str(value) for name, value in words.items() if value not in ("", None)}
