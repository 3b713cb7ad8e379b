"""Benchmarks of the project's own work on this machine, printed as JSON.

    python tools/bench.py step --config configs/latest.yaml --batch-size 4 run.precision=bf16
    python tools/bench.py step --config configs/latest.yaml --batch-size 4 --against-naive
    python tools/bench.py step --ablate
    python tools/bench.py generate
    python tools/bench.py settings --config configs/demo.yaml
    python tools/bench.py people --film film.mp4 --boxes boxes.txt
    python tools/bench.py threads

What each kind measures: `python tools/bench.py KIND --help`.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.cli import CommandParser
from dgnet.core.errors import command
from tools.benchmarks import evaluation, frechet, generate, heads, people, search, settings, step, threads

# The name of a kind -> its module.
KINDS = {
    "step": step,
    "eval": evaluation,
    "frechet": frechet,
    "generate": generate,
    "heads": heads,
    "people": people,
    "search": search,
    "settings": settings,
    "threads": threads,
}


def main() -> int:
    parser = CommandParser(__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for module in KINDS.values():
        module.add_parser(kinds)
    args = parser.parse_args()
    result = KINDS[args.kind].run(args)
    # A measuring process of its own (--one) answers on one line; a table prints itself.
    if result is not None:
        print(json.dumps(result, indent=None if getattr(args, "one", None) else 2))
    return 0


if __name__ == "__main__":
    command(main)
