"""The reports of a run on one page: figures of other weights or other images are named, not shown."""

from pathlib import Path

import pytest

from eval.report.merged import merged_reports
from eval.report.report import Report, write_report
from eval.report.result import MetricValue

OWN, DATA = "aa" * 32, {"training images": "11" * 32}


def write(folder: Path, name: str, value: float, checkpoint: str = OWN, data: dict[str, str] = DATA) -> None:
    metric = MetricValue("Images", name, value, "", f"protocol of {name}")
    protocols, missing = {f"protocol of {name}": "how"}, {f"beside {name}": "no weights"}
    report = Report(
        "a report",
        command=f"measure {name}",
        metrics=[metric],
        protocols=protocols,
        checkpoints={"checkpoint.pt": checkpoint},
        not_measured=missing,
        data=data,
    )
    write_report(report, folder)


def test_all_that_is_of_this_run(tmp_path: Path) -> None:
    write(tmp_path, "mAP", 1)
    write(tmp_path / "evaluation" / "8", "FID", 2)
    merged = merged_reports(tmp_path, [OWN], DATA)
    assert {metric.name: metric.value for metric in merged.metrics} == {"mAP": 1, "FID": 2}
    assert merged.protocols["protocol of FID"] == "how" and merged.protocols["as in report.json"].endswith("mAP")
    assert merged.not_measured == {"beside mAP": "no weights", "beside FID": "no weights"}


@pytest.mark.parametrize(
    ("checkpoint", "data", "reason"),
    [("bb" * 32, DATA, "checkpoint"), (OWN, {"training images": "22" * 32}, "images")],
    ids=["other weights", "other images"],
)
def test_what_is_of_others(tmp_path: Path, checkpoint: str, data: dict[str, str], reason: str) -> None:
    write(tmp_path, "mAP", 1)
    write(tmp_path / "evaluation" / "8", "FID", 2, checkpoint, data)
    merged = merged_reports(tmp_path, [OWN], DATA)
    assert [metric.name for metric in merged.metrics] == ["mAP"]
    assert "protocol of FID" not in merged.protocols and "beside FID" not in merged.not_measured
    assert reason in merged.not_measured["the metrics of evaluation/8/report.json"]
