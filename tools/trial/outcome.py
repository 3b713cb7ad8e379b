"""The outcome of an A/B: a table for people, a report, a plot."""

from collections.abc import Sequence

from dgnet.core.files import replace_text
from dgnet.generation.manifest import RECIPE, read_recipe
from eval.report.paired import PairedDifference, Spread, paired_difference, spread
from eval.report.report import MetricValue, Picture, Report, write_report
from tools.trial.config import TrialConfig
from tools.trial.running import Result, Trial
from visual.drawing.effect_plot import Effect, effect_plot
from visual.drawing.grid import save_png

TABLE, PLOT = "outcome.md", "outcome.png"
SHOWN = ("mAP", "Rank-1")


def write_outcome(trial: Trial, command: str) -> str:
    """Write outcome.md, outcome.png and the report of what is finished into the A/B's folder; the table.

    Seeds that are not finished for every row are left out.
    """
    config = trial.config
    by_row = complete(trial.results(), list(config.rows))
    table = outcome_table(config, by_row)
    panels: dict[str, list[Effect]] = {place: [] for place in trial.measures}
    for name, other in comparisons(config):
        said = name if other == config.baseline else f"{name}\nagainst {other}"
        for place, found in panels.items():
            pairs = list(zip(*(_values(by_row[row], place, "mAP") for row in (name, other)), strict=True))
            d = _difference(config, by_row, name, other, place, "mAP")
            found.append(Effect(said, [100 * (x - y) for x, y in pairs], 100 * d.mean, 100 * d.low, 100 * d.high))
    save_png(
        effect_plot(panels, f"difference in mAP, percentage points ({100 * config.confidence:g} % interval)"),
        trial.folder / PLOT,
    )
    seconds: dict[str, float] = {}
    for name, results in by_row.items():
        seconds[f"{len(results)} x {name}"] = sum(result.seconds for result in results)
    report = Report(
        f"Did generated images help? {config.name}",
        figures_of_outcome(config, by_row, list(trial.measures)),
        command=command,
        counts=_counts(config, by_row),
        splits=trained_on(trial),
        checkpoints=generator_of(trial),
        seconds=seconds,
        pictures=[Picture(PLOT, "Dots: seeds; line: interval; gray: no difference found.")],
    )
    write_report(report, trial.folder, overwrite=True)
    replace_text(trial.folder / TABLE, table + "\n")
    return table


def complete(results: Sequence[Result], rows: Sequence[str]) -> dict[str, list[Result]]:
    """Row -> its results by seed, of the seeds that every row has."""
    found = {name: {result.seed: result for result in results if result.row == name} for name in rows}
    seeds = sorted(set.intersection(*(set(one) for one in found.values())))
    return {name: [one[seed] for seed in seeds] for name, one in found.items()}


def comparisons(config: TrialConfig) -> list[tuple[str, str]]:
    """Which row is compared with which, in the order of the rows."""
    return [(name, other) for name in config.rows for other in config.opponents(name)]


def outcome_table(config: TrialConfig, by_row: dict[str, list[Result]]) -> str:
    """Markdown: mAP of each row in each place, then the differences, and how to read them."""
    first = by_row[config.baseline]
    places, pairs = list(first[0].figures), comparisons(config)
    lines = [_line(["mAP in %", *places]), _line(["---"] * (1 + len(places)))]
    for name, row in config.rows.items():
        spreads = [_spread_text(spread(_values(by_row[name], place, "mAP"))) for place in places]
        lines.append(_line([f"**{name}**: {row.meaning}", *spreads]))
    lines += ["", _line(["difference in percentage points", *places]), _line(["---"] * (1 + len(places)))]
    for name, other in pairs:
        found = [difference_text(_difference(config, by_row, name, other, place, "mAP")) for place in places]
        lines.append(_line([f"**{name}** - {other}", *found]))
    count = len(pairs) * len(places)
    lines += [
        "",
        f"Mean ± standard deviation over {len(first)} seeds; differences are paired by seed, with their "
        f"{100 * config.confidence:g} % interval (Student t). Of {count} such intervals "
        f"{count * (1 - config.confidence):.1f} are expected to miss the truth by chance.",
    ]
    for name, results in by_row.items():
        lines += [f"Filter of {name}: {count}." for count in results[0].dropped]
    return "\n".join(lines)


def difference_text(difference: PairedDifference) -> str:
    """Such as "+1.20 (0.31 to 2.09)" or "+0.20 (-0.31 to 0.71), no difference found", in percentage points."""
    told = f"{100 * difference.mean:+.2f} ({100 * difference.low:.2f} to {100 * difference.high:.2f})"
    return told if difference.found else f"{told}, {difference.verdict}"


def figures_of_outcome(
    config: TrialConfig, by_row: dict[str, list[Result]], places: Sequence[str]
) -> list[MetricValue]:
    """Every mean, deviation and difference as figures of the report, in %."""
    found = []
    for place in places:
        for shown in SHOWN:
            section = f"{shown}, {place}"
            for name, row in config.rows.items():
                values = _values(by_row[name], place, shown)
                one = spread(values)
                note = f"{row.meaning}; standard deviation {100 * one.deviation:.2f}, {one.seeds} seeds"
                found.append(MetricValue(section, name, 100 * one.mean, "%", note=note))
                for other in config.opponents(name):
                    d = _difference(config, by_row, name, other, place, shown)
                    for end, value in {"": d.mean, ", low end": d.low, ", high end": d.high}.items():
                        said = d.verdict if not end else f"of the {100 * config.confidence:g} % interval"
                        found.append(MetricValue(section, f"{name} - {other}{end}", 100 * value, "points", note=said))
    return found


def trained_on(trial: Trial) -> dict[str, dict[str, int]]:
    """What was trained on."""
    return {
        "few real images": {"images": len(trial.few.train), "identities": len(trial.few.identities)},
        "all real images": {"images": len(trial.every.train), "identities": len(trial.every.identities)},
    }


def generator_of(trial: Trial) -> dict[str, str]:
    """The generator's checkpoint and its SHA-256, as the set of images tells them; nothing for a set of other kinds."""
    if trial.generated is None or not (trial.generated / RECIPE).is_file():
        return {}
    made = read_recipe(trial.generated)["generator"]
    return {f"{made['run']}, iteration {made['iteration']}": made["checkpoint_sha256"]}


def _counts(config: TrialConfig, by_row: dict[str, list[Result]]) -> dict[str, int]:
    counts = {"seeds": len(by_row[config.baseline])}
    for name, results in by_row.items():
        counts |= {f"steps, {name}": results[0].steps, f"real images, {name}": results[0].real_images}
        if config.rows[name].generated:
            counts[f"generated images, {name}"] = results[0].generated_images
        for count in results[0].dropped:
            counts[f"dropped, {name} ({count.filter})"] = count.dropped
    return counts


def _difference(
    config: TrialConfig, by_row: dict[str, list[Result]], name: str, other: str, place: str, figure: str
) -> PairedDifference:
    one, two = (_values(by_row[row], place, figure) for row in (name, other))
    return paired_difference(one, two, config.confidence)


def _values(results: Sequence[Result], place: str, figure: str) -> list[float]:
    return [result.figures[place][figure] for result in results]


def _spread_text(one: Spread) -> str:
    return f"{100 * one.mean:.2f} ± {100 * one.deviation:.2f}"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
