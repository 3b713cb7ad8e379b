"""`tools/compare_reports.py` from the shell."""

import subprocess
import sys
from pathlib import Path

import pytest

from eval.report.report import MetricValue, Report, write_report

ROOT = Path(__file__).resolve().parents[2]


def call(*arguments: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "tools/compare_reports.py", *map(str, arguments)]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
@pytest.mark.parametrize(("protocol", "status"), [("standard", 0), ("dgnet", 1)])
def test_two_reports(tmp_path, protocol, status):
    paths = [
        write_report(Report(name, [MetricValue("Re-identification", "mAP", 80.0, "%", given)]), tmp_path / name)[0]
        for name, given in (("first", "standard"), ("second", protocol))
    ]
    done = call(*paths)
    assert done.returncode == status and done.stderr == ""
    assert all(str(path) in done.stdout for path in paths)
    assert ("do not compare them" in done.stdout) == bool(status)


@pytest.mark.slow
def test_what_is_no_report(tmp_path):
    (tmp_path / "x.json").write_text("{}")
    for path, words in ((tmp_path / "x.json", "must be a report.json"), (tmp_path / "y.json", "No such file")):
        done = call(path, path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("error: ") and words in done.stderr and done.stderr.count("\n") == 1
