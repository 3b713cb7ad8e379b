"""Did generated images help? The same head with and without them, several seeds, here and elsewhere.

    python tools/ab.py --config configs/ab_demo.yaml             built-in pedestrians, the generator of `make demo`
    python tools/ab.py --config configs/ab_demo.yaml --resume    go on: what is finished is kept
    python tools/ab.py --config configs/ab_demo.yaml --resume seeds=10      more seeds of the same

Each row of the configuration is trained with seeds 0, 1, ...: same initial weights, same batches of real images, same
number of steps; generated images come on top. The difference to the baseline is taken seed by seed (Student's t on
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
from tools.trial.config import TrialConfig
from tools.trial.outcome import PLOT, TABLE, write_outcome
from tools.trial.running import Trial


def main() -> int:
    parser = CommandParser(__doc__)
    add_settings(parser)
    parser.add_argument("--config", type=expanded_path, required=True, help="a YAML file such as configs/ab_demo.yaml")
    parser.add_argument("--name", type=folder_name, help="folder of the A/B (default: the configuration's name)")
    add_output_path(parser)
    parser.add_argument(
        "--resume", action="store_true", help="go on with an A/B that was stopped, or add seeds or rows"
    )
    args = parser.parse_args()
    overrides = [*args.settings, *as_settings({"name": args.name})]
    trial = Trial(load_settings(TrialConfig, args.config, overrides), args.output_path, args.resume)
    said = shlex.join(["python", "tools/ab.py", *sys.argv[1:]])
    try:
        trial.open()
        trial.run(lambda: print(f"\n{write_outcome(trial, said)}\n", flush=True))
    except KeyboardInterrupt:
        print("interrupted; --resume goes on", file=sys.stderr)
        return 130
    print(f"Look at {trial.folder / TABLE} and {trial.folder / PLOT}.")
    return 0


if __name__ == "__main__":
    command(main)
