"""Did generated images help? The same model with and without them, several seeds, on the same and on another domain.

    python tools/ab.py --config configs/ab_demo.yaml             built-in pedestrians, the generator of `make demo`
    python tools/ab.py --config configs/ab_demo.yaml --resume    continue: what is finished is kept
    python tools/ab.py --config configs/ab_demo.yaml --resume seeds=10      more seeds of the same

Each variant of the configuration is trained with seeds 0, 1, ...: same initial weights, same batches of real images,
same number of steps; generated images come on top. The difference to the baseline is taken seed by seed (Student's t on
paired differences); where its interval contains 0 the outcome is "no difference found". In OUTPUT/outputs/NAME stand
outcome.md (the table), outcome.png, report.json, report.md and report.html, anew with every seed from the second on.
"""

import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.cli import CommandParser, add_output_path, add_settings
from dgnet.core.errors import command
from dgnet.core.option_types import expanded_path, folder_name
from dgnet.core.settings import as_settings, load_settings
from experiments.ab_experiment.config import ABConfig
from experiments.ab_experiment.experiment import ABExperiment
from experiments.ab_experiment.outcome import PLOT, TABLE, write_outcome


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
    experiment = ABExperiment(load_settings(ABConfig, args.config, overrides), args.output_path, args.resume)
    command_line = shlex.join(["python", "tools/ab.py", *sys.argv[1:]])
    try:
        experiment.open()
        experiment.train(lambda: print(f"\n{write_outcome(experiment, command_line)}\n", flush=True))
    except KeyboardInterrupt:
        print("interrupted; --resume continues", file=sys.stderr)
        return 130
    print(f"Look at {experiment.folder / TABLE} and {experiment.folder / PLOT}.")
    return 0


if __name__ == "__main__":
    command(main)
