"""The tools that make sets, as programs: several processes, full disks, refusals in one sentence."""

import csv
import json
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance

from dgnet.core.checkpoint import file_hash
from dgnet.core.errors import command
from dgnet.generation.manifest import read_hashes
from dgnet.generation.verify import verify
from eval.report.report import read_report
from tests.dgnet.generation.small_run import write_run
from tests.messages import mentions
from tools import bench, generate, test_folder

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("work")
    write_run(place)
    return place


class Here:
    """A tool in this process: its status, what it printed, and what it complained of."""

    def __init__(self, monkeypatch, capsys, place):
        self.patch, self.capture, self.place = monkeypatch, capsys, place

    def __call__(self, tool, *options):
        self.patch.setattr(sys, "argv", [tool.__name__, *map(str, options)])
        self.capture.readouterr()
        with pytest.raises(SystemExit) as left:
            command(tool.main)
        printed, said = self.capture.readouterr()
        return int(left.value.code or 0), printed, said

    def generate(self, *options):
        return self(generate, "--name", "small", "--output-path", self.place, "--device", "cpu", *options)


@pytest.fixture
def here(monkeypatch, capsys, place):
    return Here(monkeypatch, capsys, place)


def test_a_set_in_the_runs_folder_and_its_verification(here, place):
    status, printed, said = here.generate("--iteration", 4)
    folder = place / "outputs/small/generated/00000004_protocol"
    # Before the work: by which generator, how many.
    assert said.startswith(f"small after 4 iterations: 12 images to make of 12 pairs, at {folder}\n")
    assert status == 0 and f"{folder}: 12 images, 12 of them new; labels and scores by teacher teacher.pth" in printed
    assert here(generate, "--verify", folder)[:2] == (0, f"{folder}: 12 images of 12 planned, 0 problems\n")
    next(folder.glob("images/*/*.png")).write_bytes(b"no image")
    status, printed, _ = here(generate, "--verify", folder)
    assert status == 1 and "changed since it was written" in printed and "1 problems" in printed
    status, _, said = here.generate("--iteration", 4)
    assert status == 2 and "already exists and nothing is overwritten; --resume" in said


def test_planted_copies_are_found_and_stand_in_the_manifest(here, place, tmp_path):
    """Built-in pedestrians would be better company; these are random colors, so that nothing is near by chance."""
    folder = tmp_path / "set"
    assert here.generate("--output", folder, "--no-scores", "--count", 14)[0] == 0
    planted = sorted(folder.glob("images/0005/*.png"))[:2]
    sources = sorted((place / "people/bounding_box_train").glob("0008*.png"))[:2]
    for copy, source, mirrored in zip(planted, sources, (False, True), strict=True):
        with Image.open(source) as image:
            turned = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else image
            ImageEnhance.Brightness(turned).enhance(0.8).save(copy)
    status, _, said = here(generate, "--audit", folder)
    assert status == 2 and re.search(mentions("images", "changed", "2 such images"), said), said
    manifest, before = folder / "manifest.csv", read_hashes(folder)
    for copy in planted:
        old = before[copy.relative_to(folder).as_posix()]
        manifest.write_text(manifest.read_text().replace(old, file_hash(copy)))
    status, printed, said = here(generate, "--audit", folder)
    assert status == 0, said
    listed = [line.split() for line in printed.splitlines() if "  images/" in line]
    wanted = {
        (copy.relative_to(folder).as_posix(), f"bounding_box_train/{source.name}")
        for copy, source in zip(planted, sources, strict=True)
    }
    assert {(file, source) for _, file, source in listed[:2]} == wanted
    report = read_report(folder / "audit/report.json")
    assert report.value("Memorization", "suspected copies") == pytest.approx(100 * len(listed) / 14)
    assert report.counts == {"generated images": 14, "training images": 12, "held-out photographs": 6}
    assert "of held-out images for copies" in report.metrics[0].note
    with (folder / "manifest.csv").open(newline="") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    assert {(path, row["nearest_training"]) for path, row in rows.items() if row["suspected_copy"] == "1"} >= wanted
    assert all(0 <= float(row["training_distance"]) <= 2 for row in rows.values())
    # Columns stay where images stay; an image that is added has none until the next audit.
    for copy in planted:
        copy.unlink()
    assert here.generate("--output", tmp_path / "other", "--no-scores", "--count", 14)[0] == 0
    assert here(generate, "--audit", tmp_path / "other")[0] == 0
    before = list(csv.DictReader((tmp_path / "other/manifest.csv").open(newline="")))
    assert here.generate("--output", tmp_path / "other", "--no-scores", "--count", 15, "--extend")[0] == 0
    after = list(csv.DictReader((tmp_path / "other/manifest.csv").open(newline="")))
    assert after[:14] == before and after[14]["nearest_training"] == after[14]["suspected_copy"] == ""
    # Other photographs of other people; and what cannot be audited.
    status, printed, _ = here(generate, "--audit", tmp_path / "other", "--held-out", place / "people/query")
    assert status == 0 and "15 against 12 training images, 3 held out" in printed
    for options, sentence in (
        (["--audit", place], mentions(place, "set.json")),
        (["--audit", tmp_path / "other", "--data", tmp_path / "nowhere"], mentions("nowhere", "--data")),
        (["--audit", tmp_path / "other", "--held-out", place / "people/bounding_box_train"], mentions("held-out", 12)),
        (["--held-out", place], "--audit"),
    ):
        status, _, said = here(generate, *options)
        assert status == 2 and re.search(sentence, said), said
    moved = shutil.copytree(place / "people", tmp_path / "people")
    assert here(generate, "--audit", tmp_path / "other", "--data", moved)[0] == 0
    next(moved.glob("query/*")).write_bytes(next(moved.glob("bounding_box_test/*")).read_bytes())
    status, _, said = here(generate, "--audit", tmp_path / "other", "--data", moved)
    assert status == 2 and "other images" in said and "--data" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--iteration", "5"], mentions("checkpoint", "iteration", 5, 4, 8)),
        (["--memory", "0"], mentions("--memory", "greater than 0", "'0'")),
        (["--jpeg-quality", "101"], mentions(1, 100, 101)),
        (["--count", "133"], mentions("different", "pairs", 133, 12, 132)),
        (["--pairs", "nowhere.csv"], "nowhere.csv: no such file"),
        (["--other-data"], "give --data"),
        (["--data", "nowhere"], "nowhere: no such folder"),
        (["--teacher", "nowhere.pth"], "nowhere.pth"),
        (["--resume"], "holds no generated set"),
        (["--output", "/proc/set"], "/proc/set: cannot be written to"),
    ],
)
def test_refusals_leave_nothing(here, tmp_path, options, said):
    output = [] if "--output" in options else ["--output", tmp_path / "set"]
    status, _, error = here.generate(*output, *options)
    assert status == 2 and re.search(said, error) and error.count("\n") == 1
    assert not (tmp_path / "set").exists()


def test_no_generator(here, tmp_path):
    for options in (["--name", "none"], []):
        status, _, said = here(generate, "--output-path", tmp_path, *options)
        assert status == 2 and said.startswith("error: ") and said.count("\n") == 1


def test_verifying_what_is_no_set(here, tmp_path):
    assert here(generate, "--verify", tmp_path)[::2] == (
        2,
        f"error: {tmp_path} holds no generated set (set.json is missing)\n",
    )
    (tmp_path / "set.json").write_text("{}")
    assert "not the recipe of a generated set" in here(generate, "--verify", tmp_path)[2]


def test_a_disk_that_fills_up_leaves_whole_images_and_the_set_is_resumed(here, place, tmp_path):
    """No file may grow beyond 10 kB: an image of noise stays below, the lines of 60 images do not."""
    output = tmp_path / "set"
    words = [sys.executable, "tools/generate.py", "--name", "small", "--output-path", place, "--device", "cpu"]
    words += ["--output", output, "--count", 60, "--threads", 1, "--no-scores"]
    done = subprocess.run(
        [*map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000)),
    )
    assert done.returncode == 2 and "cannot be written (File too large)" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert not list(output.rglob("*.partial"))
    assert here.generate("--output", output, "--count", 60, "--no-scores", "--resume")[0] == 0
    found = verify(output)
    assert (found.images, found.problems) == (60, ())


def test_two_processes_make_the_same_set(here, place, tmp_path):
    options = ["--name", "small", "--output-path", place, "--device", "cpu", "--count", 30, "--output"]
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", 2, "tools/generate.py"]
    words += [*options, tmp_path / "two"]
    done = subprocess.run([*map(str, words)], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("30 images, 30 of them new") == 1
    assert here(generate, *options, tmp_path / "one")[0] == 0
    assert len(list((tmp_path / "two/.progress").glob("done-*.jsonl"))) == 2
    names = [path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.png")]
    assert len(names) == 30
    for name in [*names, Path("manifest.csv")]:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_the_options_of_the_official_script(here, place, tmp_path):
    flags = ["--name", "small", "--iteration", 8, "--batchsize", 1, "--seed", 10, "--a2b", 1, "--output-only"]
    status, printed, _ = here(
        test_folder,
        *flags,
        *("--output-path", place, "--input-folder", place / "people", "--output-folder", tmp_path / "set"),
    )
    assert status == 0 and "12 images" in printed
    assert verify(tmp_path / "set").images == 12


def test_the_benchmark_of_sets(here):
    words = ["generate", "--sources", 3, "--each", 2, "--alone", 1, "--rounds", 1, "--precision", "fp32"]
    words += ["data.height=64", "data.width=48", "appearance.backbone=resnet18", "structure.channels=2"]
    status, printed, _ = here(bench, *words)
    figures = json.loads(printed)
    assert (
        status == 0 and figures["images"] == 6 and set(figures["images_per_second"]) == {"one_at_a_time", "ours_fp32"}
    )
    assert all(value > 0 for value in figures["images_per_second"].values())
    assert len(figures["ours_fp32_over_one_at_a_time"]["rounds"]) == 1
    assert "--rounds: must be a whole number of at least 1" in here(bench, "generate", "--rounds", 0)[2]
