"""The main tool as its user runs it: its outputs, its end at any moment and how it goes on."""

import csv
import random
import re
import time
from pathlib import Path

import pytest
import torch
import torchvision
import yaml
from PIL import Image

from dgnet.core.checkpoint import load_checkpoint
from dgnet.runs.checkpoint import list_checkpoints
from tests.messages import mentions
from tests.tools.gan_tool import ITERATIONS, NARROW, Here, begin, finish, leaves, run_here, write_config

# Whole programs: a busy machine takes its time.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.usefixtures("narrow")]


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str], place: Path) -> Here:
    return Here(capsys, place)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a configuration and, once a run began, its pedestrians, its teacher and its outputs are."""
    place = tmp_path_factory.mktemp("train_gan")
    write_config(place)
    return place


@pytest.fixture(scope="module")
def whole(place: Path, narrow: None) -> Path:
    """The folder of a run that nobody disturbs. It makes its data, trains its teacher, then DG-Net."""
    assert run_here(place) == 0
    return place / "outputs" / "whole"


@pytest.fixture(scope="module")
def teacher(whole: Path) -> str:
    """The setting that takes the teacher of the undisturbed run."""
    return f"teacher.checkpoints=[{whole.parent / 'whole_teacher' / 'teacher.pth'}]"


def rows(folder: Path) -> list[dict[str, str]]:
    with open(folder / "scalars.csv", newline="") as handle:
        return list(csv.DictReader(handle))


def test_the_outputs_are_as_promised(place: Path, whole: Path) -> None:
    assert {path.name for path in whole.iterdir() if path.name[0] != "."} == {
        "config.yaml", "checkpoints", "images", "log.txt", "scalars.csv",
    }  # fmt: skip
    stored = yaml.safe_load((whole / "config.yaml").read_text())
    assert stored["structure"]["channels"] == 2 and stored["loss"]["cycle"] == 2.0  # what was set, and the defaults
    assert [path.name for path in list_checkpoints(whole / "checkpoints")] == [
        f"checkpoint_{i:08d}.pt" for i in (4, 6, 8)
    ]
    for folder in (whole, whole.with_name("whole_teacher")):  # each says which images it learned from
        assert len(load_checkpoint(list_checkpoints(folder / "checkpoints")[-1])["images"]) == 64
    assert sorted(path.name for path in (whole / "images").iterdir()) == ["00000004.png", "00000008.png"]
    with Image.open(whole / "images" / "00000008.png") as grid:
        assert len(grid.getcolors(1 << 20) or range(1 << 20)) > 100
    assert [path.name[:6] for path in (place / "logs" / "whole").iterdir()] == ["events"]
    log = (whole / "log.txt").read_text()
    assert "computes in fp32" in log
    assert f"finished: {ITERATIONS} iterations" in log and f"iteration {ITERATIONS}: loss" in log
    table = rows(whole)
    assert [int(row["iteration"]) for row in table] == list(range(1, ITERATIONS + 1))
    # Codes ramp up from iteration 2 (counted from 0), the teacher from 3: until then there is no such term.
    assert [row["loss/cycle"] != "" for row in table] == [False] * 3 + [True] * 5
    assert [row["loss/soft_label"] != "" for row in table] == [False] * 4 + [True] * 4
    assert [float(row["weight/cycle"]) for row in table] == [0, 0, 0, 0.5, 1, 1.5, 2, 2]
    rates = [float(row["learning_rate/generator"]) for row in table]
    assert rates == pytest.approx([1e-4] * 4 + [1e-5] * 2 + [1e-6, 1e-7])
    for key in ("loss/discriminator_gradient_penalty", "memory/peak_gib", "learning_rate/appearance"):
        assert float(table[-1][key]) > 0, key


def test_killed_at_any_moment_it_ends_as_if_nothing_had_happened(here: Here, whole: Path, teacher: str) -> None:
    """Bit for bit: weights, running statistics, optimizers, gradient scalers, and every logged loss."""
    folder = whole.with_name("killed")
    process = begin(here.place, teacher, "--name", "killed", words=NARROW)
    # After the first checkpoint (iteration 2): in one of the next four iterations, anywhere in it.
    draw = random.SystemRandom()
    moment = draw.randint(2, 5) + draw.uniform(0, 0.02)
    deadline = time.monotonic() + 300
    while not list_checkpoints(folder / "checkpoints") or len(rows(folder)) < int(moment):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.01)
    time.sleep(moment % 1)
    process.kill()
    status, said = finish(process)
    assert status == -9, f"{moment}: {said}"
    status, _, said = here(teacher, "--name", "killed", "--resume")
    assert status == 0 and "going on from checkpoint_" in said, f"{moment}: {said}"
    ends = [load_checkpoint(list_checkpoints(run / "checkpoints")[-1]) for run in (folder, whole)]
    # Their names and the path of the teacher are all that the two configurations do not share.
    states = [dict(leaves({key: value for key, value in end.items() if key != "config"})) for end in ends]
    assert states[0].keys() == states[1].keys() and states[0]["state.iteration"] == ITERATIONS
    assert any(key.startswith("state.optimizers.appearance.state") for key in states[0])
    assert any(key.startswith("state.precision.0.scaler") or "skipped" in key for key in states[0])
    for key, value in states[0].items():
        other = states[1][key]
        assert torch.equal(value, other) if isinstance(value, torch.Tensor) else value == other, (moment, key)
    logged = [
        [{key: text for key, text in row.items() if key.startswith(("loss", "weight"))} for row in rows(run)]
        for run in (folder, whole)
    ]
    assert logged[0] == logged[1]


def test_at_the_end_of_its_hours_it_saves_and_says_how_to_go_on(here: Here, teacher: str) -> None:
    status, _, said = here(teacher, "--name", "hours", "--max-hours", "1e-7")
    assert status == 0, said
    folder = here.place / "outputs" / "hours"
    assert [path.name for path in list_checkpoints(folder / "checkpoints")] == ["checkpoint_00000001.pt"]
    assert re.search(
        r"stopped by the end of --max-hours; the state is in .*; continue with:\n.* --resume$", said.strip()
    )
    status, _, said = here(teacher, "--name", "hours", "--resume", "schedule.step_size=9")
    assert status == 2 and "schedule.step_size (5 there, 9 now)" in said
    status, _, said = here(teacher, "--name", "hours", "--resume", "run.log_every=2", "--max-hours", "1e-7")
    assert status == 0 and "changed since the run began: run.log_every: 1 -> 2" in said


def test_a_finished_run_is_made_longer(here: Here, whole: Path, teacher: str) -> None:
    """Bit for bit the run that had been as long from the start; where the rates depend on the length, it says so."""
    status, _, said = here(teacher, "--name", "longer", "schedule.iterations=3")
    assert status == 0, said
    status, _, said = here(teacher, "--name", "longer", "--resume", f"schedule.iterations={ITERATIONS}")
    assert status == 0 and "changed since the run began: schedule.iterations: 3 -> 8" in said
    assert "8 iterations in all, 3 before: it goes on as if it had had 8 from the start" in said
    ends = [list_checkpoints(run / "checkpoints")[-1] for run in (whole.with_name("longer"), whole)]
    states = [
        dict(leaves({key: value for key, value in load_checkpoint(end).items() if key != "config"})) for end in ends
    ]
    assert states[0].keys() == states[1].keys()
    for key, value in states[0].items():
        assert torch.equal(value, states[1][key]) if isinstance(value, torch.Tensor) else value == states[1][key], key
    weights = here.place / "resnet18.pth"
    torch.save(torchvision.models.resnet18().state_dict(), weights)
    tuned = (teacher, "--name", "tuned", f"appearance.weights={weights}")
    assert here(*tuned, "schedule.iterations=1")[0] == 0
    weights.unlink()
    status, _, said = here(*tuned, "--resume", "schedule.iterations=2")
    assert status == 0 and f"the appearance encoder began with weights of {weights}" in said, said
    linear = (teacher, "--name", "linear", "short_training.decay=linear", "schedule.step_size=1")
    assert here(*linear, "schedule.iterations=2")[0] == 0
    status, _, said = here(*linear, "--resume", "schedule.iterations=3")
    assert status == 0 and re.search("3 iterations in all, 2 before. Every learning rate falls evenly to 0", said), said


def test_the_folder_of_a_run_is_not_begun_twice(here: Here, whole: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole.rglob("*") if not path.name.startswith(".lock")}
    status, _, said = here()
    assert status == 2 and said.count("\n") == 1
    assert said.startswith(f"error: {whole} already holds a run; continue it with --resume, or start another under")
    assert {path: path.stat().st_mtime_ns for path in whole.rglob("*") if not path.name.startswith(".lock")} == before
    status, _, said = here("--resume")
    assert status == 0 and "nothing left to do: 8 of 8 iterations are done" in said


def test_bf16_on_a_cpu(here: Here, teacher: str) -> None:
    begin_at_once = ("loss.code_ramp_begin=0", "loss.teacher_ramp_begin=0")
    status, _, said = here("run.precision=bf16", "schedule.iterations=2", teacher, "--name", "bf16", *begin_at_once)
    assert status == 0, said
    state = load_checkpoint(here.place / "outputs" / "bf16" / "checkpoints" / "checkpoint_00000002.pt")
    weights = [value for _, value in leaves(state["generator"]) if value.is_floating_point()]
    assert {value.dtype for value in weights} == {torch.float32} and all(value.isfinite().all() for value in weights)
    assert float(rows(here.place / "outputs" / "bf16")[-1]["loss/cycle"]) > 0


def test_two_processes_train_their_teacher_and_go_on(place: Path, whole: Path) -> None:
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *NARROW)
    status, said = finish(begin(place, "--name", "two", "schedule.iterations=2", words=launcher))
    assert status == 0, said
    assert (place / "outputs" / "two_teacher" / "teacher.pth").exists()
    assert list_checkpoints(place / "outputs" / "two" / "checkpoints")


def test_without_a_teacher_s_weight_none_is_trained_or_asked(here: Here, whole: Path) -> None:
    status, _, said = here("loss.teacher_factor=0", "schedule.iterations=2", "--name", "alone")
    assert status == 0, said
    assert not (here.place / "outputs" / "alone_teacher").exists()
    assert list_checkpoints(here.place / "outputs" / "alone" / "checkpoints")


def test_a_dry_run_prints_and_leaves_nothing(here: Here, whole: Path) -> None:
    status, printed, _ = here("--dry-run", "--name", "dry", "structure.channels=4")
    assert status == 0 and not (here.place / "outputs" / "dry").exists()
    settings = yaml.safe_load(printed)  # what is no setting is a comment
    assert settings["structure"]["channels"] == 4 and settings["name"] == "dry"
    assert re.search(r"^# train +3 +12 ", printed, re.MULTILINE)
    assert "refused" not in printed
    for network in ("appearance encoder", "structure encoder", "decoder", "discriminator"):
        assert re.search(rf"^# {network}: [\d,]+ parameters$", printed, re.MULTILINE), network


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), ("outputs/whole", "--resume")),
        (("--name", "dry", "run.batch_size=100"), ("run.batch_size", 12)),
        (("--name", "dry", "teacher.batch_size=30"), ("teacher.batch_size", 4)),
        (("--name", "dry", "teacher.checkpoints=[{place}/tiny.yaml]"), ("tiny.yaml",)),
    ],
)
def test_a_dry_run_says_what_would_be_refused(
    here: Here, whole: Path, options: tuple[str, ...], words: tuple[object, ...]
) -> None:
    status, printed, _ = here("--dry-run", *(option.format(place=here.place) for option in options))
    (said,) = [line for line in printed.splitlines() if line.startswith("# refused: ")]
    assert status == 0 and re.search(mentions(*words), said)
    assert not (here.place / "outputs" / "dry").exists()


def test_a_dry_run_without_the_data_says_what_is_missing(here: Here, whole: Path) -> None:
    options = ("data.layout=market1501", "data.root=nowhere", "appearance.weights=no/weights.pth")
    status, printed, _ = here("--dry-run", *options)
    assert status == 0 and yaml.safe_load(printed)["data"]["root"] == "nowhere"
    assert re.search(r"^# appearance encoder: [\d,]+ parameters, and [\d,]+ per identity$", printed, re.MULTILINE)
    assert re.search(r"^# decoder: [\d,]+ parameters$", printed, re.MULTILINE)
    assert re.search(r"^# missing: the data set: nowhere", printed, re.MULTILINE)
    assert "# missing: appearance.weights: no file no/weights.pth" in printed
