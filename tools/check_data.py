"""Check a data set before training on it: a table of its splits, and problems that would spoil a run.

    python tools/check_data.py DIR

Exit status: 0 without problems, 1 with problems, 2 if DIR is not a data set.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.cli import CommandParser
from dgnet.core.errors import command
from dgnet.core.option_types import at_least, expanded_path
from dgnet.data.checks import check_dataset
from dgnet.data.datasets import LAYOUTS
from dgnet.data.query_gallery import read_test_data


def main() -> int:
    """Parse, check, print."""
    parser = CommandParser(__doc__)
    parser.add_argument("data", type=expanded_path, metavar="DIR", help="folder of the data set, or a .csv manifest")
    parser.add_argument("--layout", default="auto", help=f"auto (default), {', '.join(LAYOUTS)}")
    parser.add_argument("--workers", type=at_least(1), help="threads that decode images (default: all cores)")
    parser.add_argument("--all", action="store_true", help="print every problem, not the first 20 of a kind")
    parser.add_argument("--json", action="store_true", help="print one JSON document with every problem instead")
    options = parser.parse_args()
    report = check_dataset(read_test_data(options.data, options.layout), options.workers)
    most = len(report.problems) if options.all else 20
    print(json.dumps(report.as_json(), indent=2) if options.json else report.as_text(most))
    return 1 if report.problems else 0


if __name__ == "__main__":
    command(main)
