"""The outcome of an A/B: a table for people, a report, a plot."""

from collections.abc import Sequence

from dgnet.core.files import replace_text
from dgnet.generation.manifest import RECIPE, read_recipe
from eval.report.paired import PairedDifference, Spread, paired_difference, spread
from eval.report.report import MetricValue, Picture, Report, write_report
from experiments.ab_experiment.config import ABConfig
from experiments.ab_experiment.experiment import ABExperiment, Result
from visual.drawing.effect_plot import Effect, effect_plot
from visual.drawing.grid import save_png

TABLE, PLOT = "outcome.md", "outcome.png"
SHOWN = ("mAP", "Rank-1")


def write_outcome(experiment: ABExperiment, command: str) -> str:
    """Write outcome.md, outcome.png and the report of what is finished into the A/B's folder; the table.

    Seeds that are not finished for every variant are left out.
    """
    config = experiment.config
    by_variant = complete(experiment.results(), list(config.variants))
    table = outcome_table(config, by_variant)
    panels: dict[str, list[Effect]] = {domain: [] for domain in experiment.measures}
    for name, other in comparisons(config):
        label = name if other == config.baseline else f"{name}\nagainst {other}"
        for domain, panel in panels.items():
            pairs = list(zip(*(_values(by_variant[variant], domain, "mAP") for variant in (name, other)), strict=True))
            d = _difference(config, by_variant, name, other, domain, "mAP")
            panel.append(Effect(label, [100 * (x - y) for x, y in pairs], 100 * d.mean, 100 * d.low, 100 * d.high))
    save_png(
        effect_plot(panels, f"difference in mAP, percentage points ({100 * config.confidence:g} % interval)"),
        experiment.folder / PLOT,
    )
    seconds: dict[str, float] = {}
    for name, results in by_variant.items():
        seconds[f"{len(results)} x {name}"] = sum(result.seconds for result in results)
    report = Report(
        f"Did generated images help? {config.name}",
        outcome_metrics(config, by_variant, list(experiment.measures)),
        command=command,
        counts=_counts(config, by_variant),
        splits=trained_on(experiment),
        checkpoints=generator_of(experiment),
        seconds=seconds,
        pictures=[Picture(PLOT, "Dots: seeds; line: interval; gray: no difference found.")],
    )
    write_report(report, experiment.folder, overwrite=True)
    replace_text(experiment.folder / TABLE, table + "\n")
    return table


def complete(results: Sequence[Result], variants: Sequence[str]) -> dict[str, list[Result]]:
    """Variant -> its results by seed, of the seeds that every variant has."""
    by_seed = {name: {result.seed: result for result in results if result.variant == name} for name in variants}
    seeds = sorted(set.intersection(*map(set, by_seed.values())))
    return {name: [results[seed] for seed in seeds] for name, results in by_seed.items()}


def comparisons(config: ABConfig) -> list[tuple[str, str]]:
    """Which variant is compared with which, in the order of the variants."""
    return [(name, other) for name in config.variants for other in config.opponents(name)]


def outcome_table(config: ABConfig, by_variant: dict[str, list[Result]]) -> str:
    """Markdown: mAP of each variant in each domain, then the differences, and how to read them."""
    first = by_variant[config.baseline]
    domains, pairs = list(first[0].figures), comparisons(config)
    lines = [_line(["mAP in %", *domains]), _line(["---"] * (1 + len(domains)))]
    for name, variant in config.variants.items():
        spreads = [_spread_text(spread(_values(by_variant[name], domain, "mAP"))) for domain in domains]
        lines.append(_line([f"**{name}**: {variant.meaning}", *spreads]))
    lines += ["", _line(["difference in percentage points", *domains]), _line(["---"] * (1 + len(domains)))]
    for name, other in pairs:
        differences = [
            difference_text(_difference(config, by_variant, name, other, domain, "mAP")) for domain in domains
        ]
        lines.append(_line([f"**{name}** - {other}", *differences]))
    count = len(pairs) * len(domains)
    lines += [
        "",
        f"Mean ± standard deviation over {len(first)} seeds; differences are paired by seed, with their "
        f"{100 * config.confidence:g} % interval (Student t). Of {count} such intervals "
        f"{count * (1 - config.confidence):.1f} are expected to miss the truth by chance.",
    ]
    for name, results in by_variant.items():
        lines += [f"Filter of {name}: {count}." for count in results[0].filter_counts]
    return "\n".join(lines)


def difference_text(difference: PairedDifference) -> str:
    """Such as "+1.20 (0.31 to 2.09)" or "+0.20 (-0.31 to 0.71), no difference found", in percentage points."""
    text = f"{100 * difference.mean:+.2f} ({100 * difference.low:.2f} to {100 * difference.high:.2f})"
    return text if difference.found else f"{text}, {difference.verdict}"


def outcome_metrics(config: ABConfig, by_variant: dict[str, list[Result]], domains: Sequence[str]) -> list[MetricValue]:
    """Every mean, deviation and difference as metrics of the report, in %."""
    metrics = []
    for domain in domains:
        for shown in SHOWN:
            section = f"{shown}, {domain}"
            for name, variant in config.variants.items():
                values = _values(by_variant[name], domain, shown)
                one = spread(values)
                note = f"{variant.meaning}; standard deviation {100 * one.deviation:.2f}, {one.seeds} seeds"
                metrics.append(MetricValue(section, name, 100 * one.mean, "%", note=note))
                for other in config.opponents(name):
                    d = _difference(config, by_variant, name, other, domain, shown)
                    for end, value in {"": d.mean, ", low end": d.low, ", high end": d.high}.items():
                        note = d.verdict if not end else f"of the {100 * config.confidence:g} % interval"
                        metrics.append(MetricValue(section, f"{name} - {other}{end}", 100 * value, "points", note=note))
    return metrics


def trained_on(experiment: ABExperiment) -> dict[str, dict[str, int]]:
    """The training images, as splits of the report."""
    return {
        "subset of the real images": {
            "images": len(experiment.subset.train),
            "identities": len(experiment.subset.identities),
        },
        "all real images": {"images": len(experiment.every.train), "identities": len(experiment.every.identities)},
    }


def generator_of(experiment: ABExperiment) -> dict[str, str]:
    """The generator's checkpoint and its SHA-256, as recorded in the generated set; empty for other sets."""
    if experiment.generated is None or not (experiment.generated / RECIPE).is_file():
        return {}
    generator = read_recipe(experiment.generated)["generator"]
    return {f"{generator['run']}, iteration {generator['iteration']}": generator["checkpoint_sha256"]}


def _counts(config: ABConfig, by_variant: dict[str, list[Result]]) -> dict[str, int]:
    counts = {"seeds": len(by_variant[config.baseline])}
    for name, results in by_variant.items():
        counts |= {f"steps, {name}": results[0].steps, f"real images, {name}": results[0].real_images}
        if config.variants[name].generated:
            counts[f"generated images, {name}"] = results[0].generated_images
        for count in results[0].filter_counts:
            counts[f"dropped, {name} ({count.filter})"] = count.dropped
    return counts


def _difference(
    config: ABConfig, by_variant: dict[str, list[Result]], name: str, other: str, domain: str, figure: str
) -> PairedDifference:
    one, two = (_values(by_variant[variant], domain, figure) for variant in (name, other))
    return paired_difference(one, two, config.confidence)


def _values(results: Sequence[Result], domain: str, figure: str) -> list[float]:
    return [result.figures[domain][figure] for result in results]


def _spread_text(one: Spread) -> str:
    return f"{100 * one.mean:.2f} ± {100 * one.deviation:.2f}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
