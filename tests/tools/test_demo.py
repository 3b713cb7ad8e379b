"""The demo from nothing to its report on a handful of people, stopped on the way and started again."""

import math
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from PIL import Image

from eval import compared_models
from eval.report.report import read_report
from tests.dgnet.small_generator import small_generator, store
from tests.eval.report.pages import Page, foreign_loads
from tests.messages import mentions
from tests.tools.evaluation_tool import answer
from tools import demo, measure_swaps

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("narrow")]

ROOT = Path(__file__).resolve().parents[2]
CONFIG = {
    "name": "tiny",
    "data": {
        "layout": "synthetic",
        "height": 64,
        "width": 48,
        "pad": 3,
        "synthetic": {"train_identities": 4, "test_identities": 4, "images_per_identity": 4},
    },
    "appearance": {"backbone": "resnet18", "upsample_below_height": 0},
    "structure": {"channels": 2, "input": "contour"},
    "decoder": {"kind": "parts", "parts": 3},
    "discriminator": {"channels": 2, "residual_blocks": 1, "scales": 1},
    "teacher": {"backbone": "resnet18", "upsample_below_height": 0, "epochs": 1, "batch_size": 8},
    "schedule": {"iterations": 6},
    "run": {"batch_size": 2, "log_every": 1, "checkpoint_every": 1, "device": "cpu"},
}


def start(*words: object) -> subprocess.Popen[str]:
    command = [sys.executable, *map(str, words)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def write_config(place: Path) -> None:
    """`tiny.yaml` in `place`, where its pedestrians will be, too."""
    values = {**CONFIG, "data": {**CONFIG["data"], "root": str(place / "pedestrians")}}
    (place / "tiny.yaml").write_text(yaml.safe_dump(values))


def snapshot(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.timeout(600)
def test_a_demo_interrupted_resumed_and_left_alone(tmp_path, monkeypatch, capsys):
    write_config(tmp_path)
    arguments = ["--config", tmp_path / "tiny.yaml", "--output-path", tmp_path]
    folder = tmp_path / "outputs/tiny"

    first = start("-m", "tests.tools.narrow_tool", "demo", *arguments)
    while not list(folder.glob("checkpoints/*.pt")) and first.poll() is None:
        time.sleep(0.02)
    first.send_signal(signal.SIGINT)
    shown, said = first.communicate()
    assert first.returncode == 130, said
    # How long it takes is said before anything is made, and the first picture is there before anything is trained.
    assert shown.index("Estimate for this machine") < shown.index("Pedestrians in") < shown.index("true_swaps.png")
    assert Image.open(folder / "true_swaps.png").width > 300
    # The command that the run names is its own again, which the demo takes.
    assert "tests.tools.narrow_tool demo --config" in said and "--resume" not in said
    assert not (folder / "report.json").exists()
    teacher = (tmp_path / "outputs/tiny_teacher/teacher.pth").stat()

    status, shown, said = answer(demo, monkeypatch, capsys, *arguments)
    assert status == 0, said
    assert re.search(r"outputs/tiny: going on from checkpoint_0000000\d.pt", said)
    assert (tmp_path / "outputs/tiny_teacher/teacher.pth").stat().st_mtime_ns == teacher.st_mtime_ns

    report = read_report(folder / "report.json")
    ours, painted = (report.value("Swap fidelity", f"PSNR of {name}") for name in ("the swaps", "the painted outline"))
    assert report.value("Swap fidelity", "PSNR gain over the painted outline") == pytest.approx(ours - painted)
    assert report.machine["trained in"] == "fp32"
    images = [
        f"the {name}" for name in ("structure image as it is", "appearance image as it is", "recolored structure image")
    ]
    margin = ours - max(report.value("Swap fidelity", f"PSNR of {name}") for name in images)
    assert report.value("Swap fidelity", "PSNR gain over the best simple answer") == pytest.approx(margin)
    for measure in ("gradient energy", "gradient correlation", "SSIM", "Frechet distance"):
        assert math.isfinite(report.value("Swap fidelity", f"{measure} of the swaps"))
    own = report.value("Where detail is lost", "PSNR, images from their own two codes")
    assert 5 < own < 20 and own != ours
    assert 5 < ours < 20, "six iterations make noise, not people"
    assert report.value("Identification", "guessing") == 25
    for name in ("appearance encoder", "teacher", "color histogram"):
        assert 0 < report.value("Re-identification", f"mAP, {name}") <= 100
    assert report.counts["iterations of DG-Net"] == 6 and report.counts["training identities"] == 4
    assert {"pedestrians", "teacher, what was left of it", "swap fidelity", "re-identification"} <= set(report.seconds)
    for picture in report.pictures:
        assert f"]({picture.path})" in (folder / "report.md").read_text()
        assert Image.open(folder / picture.path).width > 300
    assert "PSNR gain over the best simple answer" in shown and str(folder / "report.md") in shown

    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    assert foreign_loads(page) == [] and len(page.text) < 2_000_000
    headings = [heading.text for heading in page.root.all("h2")]
    assert {"Swap fidelity", "Identification", "Pictures", "CMC", "Best retrievals", "Worst retrievals"} <= set(
        headings
    )
    assert report.splits["train"] == {"images": 16, "identities": 4, "cameras": report.splits["train"]["cameras"]}
    assert 0 < report.value("Re-identification", "mAP, teacher, re-ranked") <= 100
    assert len(report.checkpoints) == 1 and str(folder / "report.html") in shown

    before = snapshot(tmp_path)
    # The program itself, as `make demo` starts it.
    third = start("tools/demo.py", *arguments)
    again, said = third.communicate()
    assert third.returncode == 0, said
    assert "finished before" in again and "--name other" in again and str(folder / "report.md") in again
    status, _, said = answer(demo, monkeypatch, capsys, *arguments, "loss.cycle=1.5")
    assert status == 2 and "loss.cycle" in said and "use another --name" in said
    # The same figures from the checkpoint alone; nothing that is there changes.
    status, figures, said = answer(measure_swaps, monkeypatch, capsys, "--name", "tiny", "--output-path", tmp_path)
    assert status == 0, said
    assert "measuring: swap fidelity" in said
    table = shown[shown.index("Swap fidelity\n") :].splitlines()[:40]
    assert figures.splitlines()[:40] == table == again.splitlines()[:40]
    assert snapshot(tmp_path) == before


def test_a_demo_with_a_head_and_no_teacher_reports_on_its_own_run(tmp_path, monkeypatch, capsys):
    write_config(tmp_path)
    monkeypatch.chdir(tmp_path)
    # What `--output-path outputs` leaves: a run whose name below outputs/ is this demo's folder.
    store(Path("outputs/outputs/tiny"), small_generator(), 30)
    settings = ("appearance.model=resnet18", "teacher.label=appearance", "schedule.iterations=2")
    extracted = []
    for user in (demo, compared_models):

        def counted(dataset, model, *others, extract=user.features_of_dataset, **more):
            extracted.append(model.name)
            return extract(dataset, model, *others, **more)

        monkeypatch.setattr(user, "features_of_dataset", counted)
    status, _, said = answer(demo, monkeypatch, capsys, "--config", "tiny.yaml", *settings)
    assert status == 0, said
    # Each model sees the test images once.
    assert len(extracted) == len(set(extracted)) == 2, extracted
    report = read_report(Path("outputs/tiny/report.json"))
    assert list(report.checkpoints) == ["outputs/tiny/checkpoints/checkpoint_00000002.pt"]
    assert report.counts["iterations of DG-Net"] == 2
    measured = {figure.name for figure in report.metrics}
    assert "mAP, appearance encoder" in measured and "mAP, teacher" not in measured
    assert {"teacher", "DG-Net", demo.CLASSIFIER, "all together"} <= set(report.estimated_seconds)
    assert all(seconds > 0 for name, seconds in report.estimated_seconds.items() if name != "pedestrians")
    assert "GFLOP/s" in report.machine["convolution rate"]


def test_a_dry_run_prints_settings_and_an_estimate_and_writes_nothing(tmp_path, monkeypatch, capsys):
    write_config(tmp_path)
    before = snapshot(tmp_path)
    words = ("--config", tmp_path / "tiny.yaml", "--output-path", tmp_path, "--dry-run", "loss.cycle=1.5")
    status, shown, said = answer(demo, monkeypatch, capsys, *words)
    assert status == 0, said
    settings = yaml.safe_load(shown[: shown.index("Estimate for")])
    assert settings["loss"]["cycle"] == 1.5 and settings["schedule"]["iterations"] == 6
    assert re.search(r"\d+ s  DG-Net\n", shown) and re.search(r"\d+ s  all together\n", shown)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        (demo, ["--config", ROOT / "configs/latest.yaml"], mentions("data.layout", "'synthetic'", "'auto'")),
        (measure_swaps, ["--name", "nobody"], "nobody: no such run, and no run of that name below"),
    ],
)
def test_bad_input_is_one_sentence(tool, arguments, sentence, tmp_path, monkeypatch, capsys):
    status, _, said = answer(tool, monkeypatch, capsys, *arguments, "--output-path", tmp_path)
    assert status == 2
    assert said.startswith("error: ") and re.search(sentence, said) and said.count("\n") == 1


@pytest.mark.parametrize("tool", [demo, measure_swaps])
def test_an_option_that_is_gone_says_what_happens_without_it(tool, monkeypatch, capsys):
    status, _, said = answer(tool, monkeypatch, capsys, "--name", "tiny", "--resume")
    assert status == 2 and "--resume is not an option any more" in said and said.count("\n") == 1
