"""Compare the reports of several runs side by side.

    python tools/compare_reports.py outputs/a/report.json outputs/b/report.json

Metrics that were measured by different protocols must not be compared: they have rows of their own, marked with ≠, and
a sentence names them. Exit status: 0 if everything side by side may be compared, 1 if some of it may not, 2 if a file
is not a report.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.cli import CommandParser
from dgnet.core.errors import command
from dgnet.core.option_types import expanded_path
from eval.report.compare import as_text, compare
from eval.report.report import read_report


def main() -> int:
    parser = CommandParser(__doc__)
    parser.add_argument("reports", type=expanded_path, nargs="+", metavar="REPORT.json", help="two or more report.json")
    paths = parser.parse_args().reports
    comparison = compare([read_report(path) for path in paths])
    labels = [f"[{number}]" for number in range(1, len(paths) + 1)]
    print(as_text(comparison, labels, [str(path) for path in paths]))
    return 1 if comparison.warnings else 0


if __name__ == "__main__":
    command(main)
