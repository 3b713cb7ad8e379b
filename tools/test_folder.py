"""Generate an image for every training image, with the options of the official script of this name.

    python tools/test_folder.py --name NAME --iteration 100000 --input-folder DATA --output-folder SET

--input-folder is a data set (or its train_all), because the manifest names identities. --output-folder becomes a set as
tools/generate.py writes it, of PNG files; nothing in it is overwritten. --batchsize changes the speed, not the images.
--seed draws the structure of each appearance; the draws are not those of the official script. --a2b, --synchronized,
--output-only and --trainer are accepted and have no effect: every image is used once as appearance and once as
structure. tools/generate.py has more options.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.cli import CommandParser, add_run
from dgnet.core.errors import command
from dgnet.core.option_types import at_least, expanded_path
from dgnet.generation.request import SetRequest
from tools.generate import create


def main() -> int:
    parser = CommandParser(__doc__)
    add_run(parser)
    parser.add_argument(
        "--data", "--input-folder", type=expanded_path, help="the data set (default: that of the training)"
    )
    parser.add_argument(
        "--output", "--output-folder", type=expanded_path, help="the set (default: in the run's folder)"
    )
    parser.add_argument(
        "--batch-size", "--batchsize", type=at_least(1), default=64, help="pairs handled at a time (default: 64)"
    )
    parser.add_argument("--seed", type=at_least(0), default=10, help="seed of the structures (default: 10)")
    for name in ("synchronized", "output-only"):
        parser.add_argument(f"--{name}", action="store_true", help=argparse.SUPPRESS)
    for name in ("a2b", "trainer"):
        parser.add_argument(f"--{name}", help=argparse.SUPPRESS)
    args = parser.parse_args()
    data = args.data
    if data is not None and data.name == "train_all":
        data = data.parent
    create(
        SetRequest(
            name=args.name,
            output_path=args.output_path,
            iteration=args.iteration,
            data=data,
            output=args.output,
            batch_size=args.batch_size,
            seed=args.seed,
        ),
    )
    return 0


if __name__ == "__main__":
    command(main)
