"""`tools/compare_reports.py`: its table and its exit status."""

import pytest

from eval.report.report import MetricValue, Report, write_report
from tests.tools.evaluation_tool import answer
from tools import compare_reports


@pytest.mark.parametrize(("protocol", "status"), [("standard", 0), ("dgnet", 1)])
def test_two_reports(tmp_path, protocol, status, monkeypatch, capsys):
    paths = [
        write_report(Report(name, [MetricValue("Re-identification", "mAP", 80.0, "%", given)]), tmp_path / name)[0]
        for name, given in (("first", "standard"), ("second", protocol))
    ]
    ended, printed, said = answer(compare_reports, monkeypatch, capsys, *paths)
    assert ended == status and said == ""
    assert all(str(path) in printed for path in paths)
    assert ("do not compare them" in printed) == bool(status)


def test_what_is_no_report(tmp_path, monkeypatch, capsys):
    (tmp_path / "x.json").write_text("{}")
    for path, words in ((tmp_path / "x.json", "must be a report.json"), (tmp_path / "y.json", "No such file")):
        status, printed, said = answer(compare_reports, monkeypatch, capsys, path, path)
        assert (status, printed) == (2, "")
        assert said.startswith("error: ") and words in said and said.count("\n") == 1
