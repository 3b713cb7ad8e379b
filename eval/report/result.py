"""The result of an evaluation: metrics, and what is needed to read, compare and reproduce them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from dgnet.core.errors import UserError
from dgnet.core.machine import machine, versions

Direction = Literal["", "higher", "lower"]


@dataclass(frozen=True)
class MetricValue:
    """One number that was measured.

    Attributes:
        section: the heading that it stands under.
        name: what was measured, such as "mAP, re-ranked".
        value: the number, in `unit`; finite.
        unit: "%" and "dB" as written, "" for plain numbers such as SSIM.
        protocol: how it was measured: values of one protocol may be compared.
        note: what it means.
        better: whether a higher or a lower value is better; "" where neither is.

    Example:
        >>> MetricValue("Distribution", "FID", 12.5, protocol="clean", better="lower").text
        '12.5000'
    """

    section: str
    name: str
    value: float | int
    unit: str = ""
    protocol: str = ""
    note: str = ""
    better: Direction = ""

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
    """Everything that one evaluation measured."""

    title: str
    metrics: list[MetricValue]
    command: str = ""  # what prints these metrics again
    counts: dict[str, int] = field(default_factory=dict)  # identities, images, pairs, iterations
    splits: dict[str, dict[str, int]] = field(default_factory=dict)  # "query" -> {"images": 3368, "identities": 750}
    protocols: dict[str, str] = field(default_factory=dict)  # a protocol's name -> what it does, in a sentence
    data: dict[str, str] = field(default_factory=dict)  # what was measured ("query and gallery") -> SHA-256 of it
    checkpoints: dict[str, str] = field(default_factory=dict)  # whose weights ("outputs/x/...pt") -> their SHA-256
    not_measured: dict[str, str] = field(default_factory=dict)  # what has no metric -> the reason
    seconds: dict[str, float] = field(default_factory=dict)  # wall time of each stage
    estimated_seconds: dict[str, float] = field(default_factory=dict)  # as said before it began, "all together" too
    pictures: list[Picture] = field(default_factory=list)
    machine: dict[str, str] = field(default_factory=lambda: described(machine()))
    versions: dict[str, str] = field(default_factory=lambda: described(versions()))

    def of_other_data(self, data: Mapping[str, str]) -> bool:
        """Whether it measured other images or labels than these SHA-256 are of, as far as both name them."""
        return any(data.get(name, digest) != digest for name, digest in self.data.items())

    def value(self, section: str, name: str) -> float | int:
        """The metric of that section and name; `UserError` if the report has none or several."""
        values = [metric.value for metric in self.metrics if (metric.section, metric.name) == (section, name)]
        if len(values) != 1:
            raise UserError(f"the report must hold one metric {section!r} / {name!r}, it holds {len(values)}")
        return values[0]


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
