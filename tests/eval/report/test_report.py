"""A report is written whole, reads back as it was, and shows its figures with their protocol."""

import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from dgnet.core.errors import UserError
from eval.report.report import MetricValue, Picture, Report, as_table, find_reports, read_report, write_report
from tests.messages import mentions


def example() -> Report:
    return Report(
        title="Demo",
        command="make demo",
        metrics=[
            MetricValue("Re-identification", "mAP", 81.234, "%", "standard", "appearance encoder", "higher"),
            MetricValue("Re-identification", "rank-1", 90.0, "%", "standard"),
            MetricValue("Swap fidelity", "PSNR", 18.7654, "dB", "inside the outline", "a|b"),
            MetricValue("Swap fidelity", "SSIM", 0.81239, "", "inside the outline"),
        ],
        counts={"identities": 40},
        splits={"query": {"images": 3368, "identities": 750}},
        protocols={"standard": "junk images are left out"},
        checkpoints={"outputs/demo/checkpoints/checkpoint_00000800.pt": "ab" * 32},
        not_measured={"FID": "no weights | no network"},
        seconds={"teacher": 12.34, "training": 100.0},
        estimated_seconds={"teacher": 10.4, "all together": 99.0},
        pictures=[Picture("swaps.png", "Rows: appearance")],
    )


@pytest.fixture(autouse=True)
def picture(tmp_path: Path) -> None:
    Image.new("RGB", (20, 30), "red").save(tmp_path / "swaps.png")


def test_reads_back_as_it_was(tmp_path: Path) -> None:
    paths = write_report(example(), tmp_path)
    assert [path.name for path in paths] == ["report.json", "report.md", "report.html"]
    names = ["report.html", "report.json", "report.md", "swaps.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert read_report(paths[0]) == example()
    assert example().value("Swap fidelity", "SSIM") == 0.81239
    entries = json.loads(paths[0].read_text())
    assert entries["versions"]["torch"] == torch.__version__
    assert int(entries["machine"]["cores"]) >= 1
    assert entries["machine"]["cpu"]


def test_readable_form(tmp_path: Path) -> None:
    text = write_report(example(), tmp_path)[1].read_text()
    assert "| mAP | 81.2 % | higher | standard | appearance encoder |" in text
    assert "| rank-1 | 90.0 % |  | standard |  |" in text
    assert "| PSNR | 18.77 dB |  | inside the outline | a\\|b |" in text
    assert "| SSIM | 0.8124 |" in text
    assert "| teacher | 12.3 s (estimated 10 s) |" in text and "| training | 100.0 s |" in text
    assert "| all together | 112.3 s (estimated 99 s) |" in text
    assert "| query | 3,368 images, 750 identities |" in text
    assert "| standard | junk images are left out |" in text
    assert f"| outputs/demo/checkpoints/checkpoint_00000800.pt | {'ab' * 32} |" in text
    assert "## Not measured\n\n| | |\n|---|---|\n| FID | no weights \\| no network |\n" in text
    # What a reader wants to see first comes first.
    assert text.index("![Rows") < text.index("| SSIM |") < text.index("## Not measured")
    assert "Not measured" not in write_report(Report("Other", []), tmp_path, overwrite=True)[1].read_text()
    assert "![Rows: appearance](swaps.png)" in text
    assert text.index("## Re-identification") < text.index("## Swap fidelity") < text.index("## Machine")


def test_nothing_is_overwritten_silently(tmp_path: Path) -> None:
    write_report(example(), tmp_path)
    before = (tmp_path / "report.json").read_text()
    with pytest.raises(ValueError, match=mentions("report", "already", "report.json")):
        write_report(Report("Other", []), tmp_path)
    assert (tmp_path / "report.json").read_text() == before
    write_report(Report("Other", []), tmp_path, overwrite=True)
    assert read_report(tmp_path / "report.json").title == "Other"


def test_a_figure_must_be_a_number(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=mentions("finite", "number", "'PSNR'")):
        write_report(Report("Demo", [MetricValue("Swap", "PSNR", float("inf"))]), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_an_error_while_writing_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("dgnet.core.files.os.replace", broken)
    with pytest.raises(OSError, match="no space left"):
        write_report(example(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["swaps.png"]


FIGURE = {"section": "Swap", "name": "PSNR", "value": 1.5}


@pytest.mark.parametrize(
    "text",
    [
        "no json",
        "[]",
        "{}",
        '{"metrics": [{"nam": 1}], "pictures": [], "title": ""}',
        json.dumps({"title": 3, "metrics": [], "pictures": []}),
        json.dumps({"title": "", "metrics": [FIGURE | {"value": "1.5"}], "pictures": []}),
        json.dumps({"title": "", "metrics": [FIGURE | {"protocol": 3}], "pictures": []}),
        json.dumps({"title": "", "metrics": [], "pictures": [], "machine": ["cpu"]}),
        json.dumps({"title": "", "metrics": [], "pictures": [], "not_measured": {"FID": 3}}),
        json.dumps({"title": "", "metrics": [FIGURE | {"value": float("nan")}], "pictures": []}),
        json.dumps({"title": "", "metrics": [FIGURE | {"value": 10**400}], "pictures": []}),
        json.dumps({"title": "", "metrics": [FIGURE | {"value": True}], "pictures": []}),
        json.dumps({"title": "", "metrics": [], "pictures": [], "data": None}),
        json.dumps({"title": "", "metrics": [], "pictures": [], "splits": {"query": 5}}),
        json.dumps({"title": "", "metrics": [], "pictures": [], "seconds": {"all": "5"}}),
    ],
)
def test_a_file_that_is_no_report(tmp_path: Path, text: str) -> None:
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(ValueError, match=mentions("report", "report.json")):
        read_report(tmp_path / "report.json")


def test_the_table_of_a_terminal() -> None:
    assert as_table(example().metrics).splitlines() == [
        "Re-identification",
        "  by standard",
        "    mAP       81.2 % ↑  appearance encoder",
        "    rank-1    90.0 %",
        "",
        "Swap fidelity",
        "  by inside the outline",
        "    PSNR    18.77 dB    a|b",
        "    SSIM      0.8124",
    ]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(300, "", "300"), (0.99999, "", "1.0000"), (12.5, "%", "12.5 %"), (1e-7, "", "1e-07"), (-0.02, "dB", "-0.02 dB")],
)
def test_numbers_have_the_digits_of_their_unit(value: float, unit: str, text: str) -> None:
    assert MetricValue("a", "b", value, unit).text == text


def test_a_picture_that_is_missing_stops_the_report_before_it_begins(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"new/swaps\.png: no such file"):
        write_report(example(), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_figure_that_is_missing() -> None:
    with pytest.raises(ValueError, match="it holds 0"):
        example().value("Swap fidelity", "LPIPS")


def test_a_report_from_before_these_entries_is_read(tmp_path: Path) -> None:
    path, *_ = write_report(example(), tmp_path)
    entries = json.loads(path.read_text())
    for name in ("splits", "protocols", "checkpoints"):
        del entries[name]
    path.write_text(json.dumps(entries))
    assert read_report(path).checkpoints == {} and read_report(path).metrics == example().metrics


def test_the_table_ends_with_what_was_not_measured() -> None:
    missing = {"FID": "no weights"}
    assert as_table(example().metrics, missing).endswith("\n\nNot measured\n    FID: no weights")
    assert as_table([], missing) == "Not measured\n    FID: no weights"


def test_a_report_of_before_there_was_such_a_list_is_read(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(json.dumps({"title": "", "metrics": [FIGURE], "pictures": []}))
    assert read_report(tmp_path / "report.json").not_measured == {}


def test_a_report_of_the_previous_version_is_read_in_todays_words(tmp_path: Path) -> None:
    path, *_ = write_report(example(), tmp_path)
    entries = json.loads(path.read_text())
    entries["figures"] = entries.pop("metrics")
    for metric in entries["figures"]:
        del metric["better"]
    entries["figures"][2] |= {"name": "PSNR, recoloured", "note": "3 neighbours"}
    path.write_text(json.dumps(entries))
    metric = read_report(path).metrics[2]
    assert (metric.name, metric.note, metric.better) == ("PSNR, recolored", "3 neighbors", "")


def test_reports_of_other_checkpoints_are_not_a_runs(tmp_path: Path) -> None:
    def report(value: float, checkpoint: str) -> Report:
        metric = MetricValue("Distribution", "FID", value)
        return Report("Quality", [metric], checkpoints={"x.pt": checkpoint} if checkpoint else {})

    for name, checkpoint in {"00000010": "aa", "00000020": "", "00000030": "bb"}.items():
        write_report(report(float(name), checkpoint), tmp_path / "evaluation" / name)
    write_report(report(1.0, "cc"), tmp_path)

    def found(*checkpoints: str) -> list[list[str]]:
        own, others = find_reports(tmp_path, checkpoints)
        return [[path.removesuffix("/report.json") for path in paths] for paths in (own, others)]

    assert found() == [["report.json", "evaluation/00000030"], []]
    assert found("bb") == [["evaluation/00000030"], ["report.json", "evaluation/00000010"]]
    # That of 20 does not tell its checkpoint.
    assert found("aa") == [["evaluation/00000020"], ["report.json", "evaluation/00000030"]]
    assert found("cc")[0] == ["report.json", "evaluation/00000020"]


def test_a_folder_with_a_report_names_it(tmp_path: Path) -> None:
    """`compare_reports.py FOLDER` was "Is a directory"."""
    write_report(example(), tmp_path)
    assert read_report(tmp_path) == example()
    (tmp_path / "other").mkdir()
    for wrong in ("other", "rum/report.json"):
        with pytest.raises(UserError, match=mentions(tmp_path / wrong, "No such file")):
            read_report(tmp_path / wrong)
