"""The outcome of an A/B: mean of each variant over its seeds, and differences paired by seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.report.paired import PairedDifference, paired_difference, spread
from eval.report.result import MetricValue

SHOWN = ("mAP", "Rank-1")


@dataclass(frozen=True)
class MeasuredVariant:
    """One way of training, measured.

    Attributes:
        meaning: a few words for the table.
        compared_with: the names of other variants.
        values: domain -> metric ("mAP", "Rank-1") -> its values, 0..1, by seed: the same seeds in every variant.
    """

    meaning: str
    compared_with: tuple[str, ...]
    values: Mapping[str, Mapping[str, Sequence[float]]]


def comparisons(variants: Mapping[str, MeasuredVariant]) -> list[tuple[str, str]]:
    """The pairs of variants to compare, in the order of the variants."""
    return [(name, other) for name, variant in variants.items() for other in variant.compared_with]


def difference(
    variants: Mapping[str, MeasuredVariant], name: str, other: str, domain: str, metric: str, confidence: float
) -> PairedDifference:
    """The metric of `name` minus that of `other`, paired by seed."""
    one, two = (variants[variant].values[domain][metric] for variant in (name, other))
    return paired_difference(one, two, confidence)


def outcome_table(variants: Mapping[str, MeasuredVariant], confidence: float) -> str:
    """Markdown: mAP of each variant in each domain, then the differences, and how to read them.

    Example:
        >>> real = MeasuredVariant("real images alone", (), {"same cameras": {"mAP": [0.3, 0.4]}})
        >>> generated = MeasuredVariant("generated, too", ("real",), {"same cameras": {"mAP": [0.5, 0.6]}})
        >>> print(outcome_table({"real": real, "generated": generated}, confidence=0.95).splitlines()[2])
        | **real**: real images alone | 35.00 ± 7.07 |
    """
    first = next(iter(variants.values()))
    domains, pairs = list(first.values), comparisons(variants)
    lines = [_line(["mAP in %", *domains]), _line(["---"] * (1 + len(domains)))]
    for name, variant in variants.items():
        spreads = [spread(variant.values[domain]["mAP"]) for domain in domains]
        texts = [f"{100 * one.mean:.2f} ± {100 * one.deviation:.2f}" for one in spreads]
        lines.append(_line([f"**{name}**: {variant.meaning}", *texts]))
    lines += ["", _line(["difference in percentage points", *domains]), _line(["---"] * (1 + len(domains)))]
    for name, other in pairs:
        texts = [difference_text(difference(variants, name, other, domain, "mAP", confidence)) for domain in domains]
        lines.append(_line([f"**{name}** - {other}", *texts]))
    seeds, count = len(first.values[domains[0]]["mAP"]), len(pairs) * len(domains)
    lines += [
        "",
        f"Mean ± standard deviation over {seeds} seeds; differences are paired by seed, with their "
        f"{100 * confidence:g} % interval (Student t). Of {count} such intervals {count * (1 - confidence):.1f} are "
        "expected to miss the truth by chance.",
    ]
    return "\n".join(lines)


def difference_text(one: PairedDifference) -> str:
    """Such as "+1.20 (0.31 to 2.09)" or "+0.20 (-0.31 to 0.71), no difference found", in percentage points."""
    text = f"{100 * one.mean:+.2f} ({100 * one.low:.2f} to {100 * one.high:.2f})"
    return text if one.significant else f"{text}, {one.verdict}"


def outcome_metrics(variants: Mapping[str, MeasuredVariant], confidence: float) -> list[MetricValue]:
    """Every mean, deviation and difference as metrics of a report, in %."""
    metrics = []
    for domain in next(iter(variants.values())).values:
        for shown in SHOWN:
            section = f"{shown}, {domain}"
            for name, variant in variants.items():
                one = spread(variant.values[domain][shown])
                note = f"{variant.meaning}; standard deviation {100 * one.deviation:.2f}, {one.seeds} seeds"
                metrics.append(MetricValue(section, name, 100 * one.mean, "%", note=note))
                for other in variant.compared_with:
                    d = difference(variants, name, other, domain, shown, confidence)
                    for end, value in {"": d.mean, ", low end": d.low, ", high end": d.high}.items():
                        note = d.verdict if not end else f"of the {100 * confidence:g} % interval"
                        metrics.append(MetricValue(section, f"{name} - {other}{end}", 100 * value, "points", note=note))
    return metrics


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
