"""Did generated images help? Train the same re-ID model with and without them, with several seeds.

    python tools/ab.py --config configs/ab_demo.yaml             built-in pedestrians
    python tools/ab.py --config configs/ab_demo.yaml --resume    continue; finished runs are kept
    python tools/ab.py --config configs/ab_demo.yaml --resume seeds=10      add seeds

The generator is a DG-Net trained on the very images that the re-ID models train on (the run NAME_generator), or the one
that `generator` names. Each variant of the configuration is trained with the seeds 0, 1, ...: the same initial weights,
the same batches of real images and the same number of steps; generated images are added to the batches. Differences
are taken seed by seed (Student's t on paired differences); where the interval contains 0, the outcome is "no difference
found". From the second seed on, OUTPUT/outputs/NAME holds outcome.md (the table), outcome.png, report.json, report.md
and report.html.
"""

import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.cli import CommandParser, add_output_path, add_settings
from dgnet.core.errors import command
from dgnet.core.files import replace_text
from dgnet.core.option_types import expanded_path, folder_name
from dgnet.core.settings import as_settings, load_settings
from eval.reid.evaluator import RankingEvaluator
from eval.report.ab_outcome import MeasuredVariant, comparisons, difference, outcome_metrics, outcome_table
from eval.report.report import Picture, Report, write_report
from reid_heads.ab_experiment.config import ABConfig
from reid_heads.ab_experiment.experiment import ABExperiment
from visual.drawing.effect_plot import Effect, effect_plot
from visual.drawing.grid import save_png
from visual.drawing.swap import fixed_grid

TABLE, PLOT = "outcome.md", "outcome.png"


def main() -> int:
    parser = CommandParser(__doc__)
    add_settings(parser)
    parser.add_argument("--config", type=expanded_path, required=True, help="a YAML file such as configs/ab_demo.yaml")
    parser.add_argument("--name", type=folder_name, help="folder of the A/B (default: the configuration's name)")
    add_output_path(parser)
    parser.add_argument(
        "--resume", action="store_true", help="continue an A/B that was stopped, or add seeds or variants"
    )
    args = parser.parse_args()
    overrides = [*args.settings, *as_settings({"name": args.name})]
    config = load_settings(ABConfig, args.config, overrides)
    experiment = ABExperiment(config, args.output_path, args.resume, RankingEvaluator, fixed_grid)
    command_line = shlex.join(["python", "tools/ab.py", *sys.argv[1:]])
    try:
        experiment.open()
        experiment.train(lambda: print(f"\n{write_outcome(experiment, command_line)}\n", flush=True))
    except KeyboardInterrupt:
        print("interrupted; --resume continues", file=sys.stderr)
        return 130
    print(f"Look at {experiment.folder / TABLE} and {experiment.folder / PLOT}.")
    return 0


def write_outcome(experiment: ABExperiment, command_line: str) -> str:
    """Write the table, the plot and the report of the seeds that are finished for every variant; the table."""
    config, results = experiment.config, experiment.results.complete()
    variants = {
        name: MeasuredVariant(
            variant.meaning,
            config.compared_with(name),
            {
                domain: {
                    metric: [result.figures[domain][metric] for result in results[name]]
                    for metric in first.figures[domain]
                }
                for domain in experiment.measures
            },
        )
        for name, variant in config.variants.items()
        for first in results[name][:1]
    }
    save_png(
        effect_plot(
            {domain: effects(variants, domain, config) for domain in experiment.measures},
            f"difference in mAP, percentage points ({100 * config.confidence:g} % interval)",
        ),
        experiment.folder / PLOT,
    )
    report = Report(
        f"Did generated images help? {config.name}",
        outcome_metrics(variants, config.confidence),
        command=command_line,
        counts=experiment.results.counts(),
        splits=experiment.data.splits(),
        data={"data set": experiment.data.digest},
        checkpoints=experiment.generator_hash(),
        seconds={f"{len(runs)} x {name}": sum(run.seconds for run in runs) for name, runs in results.items()},
        pictures=[Picture(PLOT, "Dots: seeds; line: interval; gray: no difference found.")],
    )
    write_report(report, experiment.folder, overwrite=True)
    filters = [f"Filter of {name}: {count}." for name, runs in results.items() for count in runs[0].filter_counts]
    notes = [experiment.generator.training_images_note(experiment.data.subset)] if experiment.generator else []
    table = "\n".join([outcome_table(variants, config.confidence), *notes, *filters])
    replace_text(experiment.folder / TABLE, table + "\n")
    return table


def effects(variants: dict[str, MeasuredVariant], domain: str, config: ABConfig) -> list[Effect]:
    """The comparisons of a domain for the plot, in percentage points."""
    panel = []
    for name, other in comparisons(variants):
        label = name if other == config.baseline else f"{name}\nagainst {other}"
        pairs = zip(*(variants[variant].values[domain]["mAP"] for variant in (name, other)), strict=True)
        d = difference(variants, name, other, domain, "mAP", config.confidence)
        panel.append(Effect(label, [100 * (x - y) for x, y in pairs], 100 * d.mean, 100 * d.low, 100 * d.high))
    return panel


if __name__ == "__main__":
    command(main)
