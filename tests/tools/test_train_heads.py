"""The commands that train and test heads, as their users type them."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
import yaml
from PIL import Image
from torch import nn

from dgnet.core.checkpoint import file_hash, load_checkpoint
from dgnet.core.errors import command
from dgnet.models.model_file import save_model
from dgnet.models.registry import build_model
from dgnet.runs.checkpoint import list_checkpoints
from tests.dgnet.data.photographs import write_people
from tests.dgnet.small_training import narrow_trunks
from tests.messages import mentions
from tests.reid_heads.small_data import pedestrians
from tests.tools.gan_tool import leaves
from tools import evaluate_reid, extract, train, train_mgn
from tools import test as test_tool

# Whole programs: a busy machine takes its time.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
ROOT = Path(__file__).resolve().parents[2]
# `tools/train.py` as a program of its own, with the narrow networks that the tests in this process have.
NARROW = ("-m", "tests.tools.narrow_tool", "train")
SMALL = ("data.height=64", "data.width=48")
SMALL_MGN = (*SMALL, "model.options.trunk=resnet18")
BAG = ("--model_name", "resnet18", "--IMS_PER_BATCH", "8", "--TEST_IMS_PER_BATCH", "4")
TWO_EPOCHS = (*BAG, "--MAX_EPOCHS", "2")
KD = ("--model_name", "resnet18_kd", "--IMS_PER_BATCH", "8", "--TEST_IMS_PER_BATCH", "4", "--MAX_EPOCHS", "1", "--kd",
      "--feature_loss_coefficient", "0.05")  # fmt: skip
MGN = ("--reset", "--batchid", "3", "--batchtest", "16", "--test_every", "50", "--epochs", "1", "--decay_type",
       "step_320_380", "--loss", "1*CrossEntropy+2*Triplet", "--margin", "1.2", "--random_erasing", "--save", "adam_0",
       "--nGPU", "1", "--lr", "2e-4", "--optimizer", "ADAM", "--amsgrad", *SMALL_MGN)  # fmt: skip
Here = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resnet18 of an eighth of the width: training does not see it."""
    narrow_trunks(monkeypatch)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the user stands: the data set is in data/, as it is by default."""
    place = tmp_path_factory.mktemp("heads")
    pedestrians(place / "data")
    return place


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], place: Path) -> Here:
    """A tool in this process, run from `place`: its status, what it printed and what it said."""

    def run(tool: ModuleType, *words: object) -> tuple[int, str, str]:
        monkeypatch.chdir(place)
        monkeypatch.setattr(sys, "argv", [str(tool.__file__), *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            command(tool.main)
        printed, said = capsys.readouterr()
        return int(left.value.code or 0), printed, said

    return run


def begin(place: Path, *words: object) -> subprocess.Popen[str]:
    line, environment = [sys.executable, *map(str, words)], {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(line, cwd=place, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True)


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    try:
        _, said = process.communicate(timeout=300)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, said


def stored_config(place: Path, name: str) -> dict[str, dict[str, object]]:
    return yaml.safe_load((place / "outputs" / name / "config.yaml").read_text())


def test_the_bag_of_tricks_from_training_to_test(here: Here, place: Path) -> None:
    status, _, said = here(train, *TWO_EPOCHS, *SMALL, "run.log_every=1")
    assert status == 0, said
    config = stored_config(place, "resnet18")
    assert config["data"]["identities"] == 2 and config["data"]["images_per_identity"] == 4
    assert (config["test"]["batch_size"], config["schedule"]["epochs"], config["model"]["name"]) == (4, 2, "resnet18")
    for words in ("gallery", "epoch 2/2, iteration 1/3: loss", "accuracy", "learning rate", "samples/s", "Rank-10"):
        assert words in said, words
    folder = place / "outputs" / "resnet18"
    (best,) = folder.glob("mAP_*.pth")
    with Image.open(folder / "images" / "curves.png") as picture:
        assert picture.width > 200
    assert list((place / "logs" / "resnet18").glob("events*"))
    log = said
    best_of_said = max(float(found) for found in re.findall(r"mAP ([\d.]+) %", said))
    assert best.name == f"mAP_{best_of_said:.1f}.pth"
    status, printed, said = here(test_tool, "--TEST_IMS_PER_BATCH", 4, "--model_name", "resnet18", "--model_path", best)
    assert status == 0 and re.search(rf"^mAP +{best_of_said:.2f} %$", printed, re.MULTILINE), printed
    for rank in (1, 5, 10):
        assert re.search(rf"^Rank-{rank} +[\d.]+ %$", printed, re.MULTILINE)
        assert re.search(rf"^re-ranked Rank-{rank} +[\d.]+ %$", printed, re.MULTILINE)
    assert re.search(r"^protocol standard, image alone; re-ranked: k-reciprocal k1=", printed, re.MULTILINE)
    assert "% (protocol standard, image alone)" in log, "each test in the log of the training names its protocol"
    # By the run's name: its data set, and the best weights rather than the last state.
    status, printed, said = here(evaluate_reid, "--name", "resnet18", "--report", "page")
    assert status == 0 and re.search(rf"^ +mAP +{best_of_said:.1f} % ", printed, re.MULTILINE), said
    weights = json.loads((place / "page" / "report.json").read_text())["checkpoints"]
    assert weights == {str(best.relative_to(place)): file_hash(best)}


def test_self_distillation_is_named_so(here: Here, place: Path) -> None:
    status, _, said = here(train, *KD, *SMALL)
    assert status == 0, said
    assert stored_config(place, "resnet18_kd")["distillation"]["stage_features"] == 0.05
    (best,) = (place / "outputs" / "resnet18_kd").glob("mAP_*.pth")
    assert best.name.startswith("mAP_KD_")
    assert here(test_tool, "--model_path", best, "--model_name", "resnet18_kd", "--mirrored")[0] == 0


def test_mgn_with_the_options_of_its_users(here: Here, place: Path) -> None:
    status, _, said = here(train_mgn, "--datadir", place / "data", *MGN)
    assert status == 0, said
    config = stored_config(place, "adam_0")
    rates = config["optimizer"]
    assert (rates["name"], rates["learning_rate"], rates["amsgrad"]) == ("ADAM", 2e-4, True)
    assert (config["loss"]["terms"], config["loss"]["margin"]) == ("1*CrossEntropy+2*Triplet", 1.2)
    assert (config["data"]["erasing"], config["schedule"]["decay"]) == (0.5, "step_320_380")
    assert (config["test"]["every"], config["test"]["batch_size"], config["test"]["re_rank"]) == (50, 16, False)
    first = next((place / "outputs" / "adam_0").glob("mAP_*.pth"))
    weights = first.read_bytes()
    # Again with --reset: the old run moves aside, whole, but not for a run that is refused.
    status, _, said = here(train_mgn, *MGN, "model.weights=nothing.pth")
    assert status == 2 and "nothing.pth: no such file" in said and first.read_bytes() == weights
    status, _, said = here(train_mgn, *MGN)
    assert status == 0 and f"is now {Path('outputs/adam_0.old_1')}" in said, said
    assert (place / "outputs" / "adam_0.old_1" / first.name).read_bytes() == weights
    assert (place / "logs" / "adam_0.old_1").is_dir()
    status, printed, said = here(train_mgn, "--test_only", "--pre_train", first, "--cpu", *SMALL_MGN)
    assert status == 0 and "mgn from" in printed and "Rank-10" in printed, said
    assert "protocol standard, image" in printed
    status, _, said = here(train_mgn, *MGN[1:], "--resume")
    assert status == 0 and "nothing left to do: 2 of 2 iterations are done" in said, said


def test_every_other_option_sets_what_it_names(here: Here) -> None:
    options = ("--batchimage", 3, "--height", 96, "--width", 64, "--pool", "max", "--feats", 32, "--stripes", "1-3-4",
               "--optimizer", "NADAM", "--momentum", 0.8, "--weight_decay", 0.1, "--gamma", 0.5, "--re_rank", "--cpu",
               "--loss", "MSMLoss", "model.options.trunk=resnet18")  # fmt: skip
    status, printed, said = here(train_mgn, "--dry-run", *options)
    assert status == 0, said
    found = yaml.safe_load(printed)
    assert (found["data"]["images_per_identity"], found["data"]["height"], found["data"]["width"]) == (3, 96, 64)
    assert found["model"]["options"] == {"stripes": "1-3-4", "pooling": "max", "features": 32, "trunk": "resnet18"}
    assert (found["optimizer"]["name"], found["optimizer"]["momentum"], found["schedule"]["gamma"]) == (
        "NADAM",
        0.8,
        0.5,
    )
    assert (found["data"]["erasing"], found["optimizer"]["amsgrad"], found["test"]["re_rank"]) == (0, False, True)
    assert found["run"]["device"] == "cpu" and "parameters" in printed
    # 8 identities in a batch, and the data set has 6.
    assert re.search(r"^# refused: .* 8 .* 6; lower data\.identities$", printed, re.MULTILINE)


def test_a_configuration_and_settings(here: Here, place: Path) -> None:
    config = ROOT / "configs" / "heads" / "mgn.yaml"
    status, printed, said = here(train, "--config", config, "--dry-run", "loss.margin=0.7", "--name", "mine")
    assert status == 0, said
    found = yaml.safe_load(printed)
    assert (found["name"], found["loss"]["margin"], found["model"]["name"]) == ("mine", 0.7, "mgn")
    assert not (place / "outputs" / "mine").exists()
    assert yaml.safe_load(here(train, "--dry-run", "--kd")[1])["model"]["name"] == "resnet50_kd"


def test_killed_it_ends_as_if_nothing_had_happened(here: Here, place: Path) -> None:
    """Bit for bit, from a kill anywhere between the first checkpoint and the end."""
    words = [*BAG, *SMALL, "schedule.epochs=5", "run.log_every=1", "optimizer.name=SGD"]
    status, _, said = here(train, *words, "--name", "whole")
    assert status == 0, said
    killed = begin(place, *NARROW, *words, "--name", "killed")
    checkpoints = place / "outputs" / "killed" / "checkpoints"
    deadline = time.monotonic() + 300
    while not list_checkpoints(checkpoints):
        assert time.monotonic() < deadline and killed.poll() is None
        time.sleep(0.01)
    time.sleep(0.05)
    killed.kill()
    assert finish(killed)[0] == -signal.SIGKILL
    status, _, said = here(train, *words, "--name", "killed", "--resume")
    assert status == 0 and "going on from checkpoint_" in said, said
    ends = [
        dict(leaves(load_checkpoint(list_checkpoints(place / "outputs" / name / "checkpoints")[-1])))
        for name in ("whole", "killed")
    ]
    assert ends[0].keys() == ends[1].keys()
    for key, value in ends[0].items():
        assert torch.equal(value, ends[1][key]) if isinstance(value, torch.Tensor) else value == ends[1][key], key
    bests = [sorted(path.name for path in (place / "outputs" / name).glob("*.pth")) for name in ("whole", "killed")]
    assert bests[0] == bests[1]


def test_two_processes_in_bf16(place: Path) -> None:
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words = [*launcher, *NARROW, *BAG, *SMALL, "--name", "two", "run.precision=bf16"]
    status, said = finish(begin(place, *words, "schedule.epochs=1"))
    assert status == 0, said
    assert "of 4 x 4 images" in said and said.count("epoch 1: ") == 1 and said.count("Rank-1 ") == 1
    assert list((place / "outputs" / "two").glob("mAP_*.pth"))


@pytest.mark.parametrize(
    ("tool", "option", "value", "allowed"),
    [
        (train, "--MAX_EPOCHS", 0, "a whole number of at least 1"),
        (test_tool, "--TEST_IMS_PER_BATCH", -1, "a whole number of at least 1"),
        (train_mgn, "--batchid", 1, "a whole number of at least 2"),
        (train, "--max-hours", -1, "a number greater than 0"),
    ],
)
def test_an_option_out_of_range_is_named(here: Here, tool, option, value, allowed) -> None:
    status, _, said = here(tool, f"{option}={value}", *(("--model_path", "x.pth") if tool is test_tool else ()))
    assert status == 2 and option.replace("_", "-") in said and f"must be {allowed}, got '{value}'" in said


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--model_name", "resnet17"), mentions('model.name="resnet17"', "resnet18", "'resnet17'")),
        (("--IMS_PER_BATCH", 6), mentions("--batch-size", "data.images_per_identity", "(4)")),
        (("--feature_loss_coefficient", 0.1), "weighs self-distillation: give --kd"),
        (("--resume", "--reset"), mentions("--reset", "--resume")),
        (("--datadir", "nowhere"), mentions("nowhere", "no such folder", "is there")),
        (("loss.terms=1*CrossEntropy+2*Tripet",), mentions("'Tripet'", "Triplet")),
        (("schedule.decay=step_9_3",), "epochs that grow, as in 'step_320_380'"),
        (("generated.label=apearance",), "generated.label"),
        (("generated.source=nowhere", "data.identities=3"), "nowhere: no generated images; looked for"),
        (("data.identities=9",), mentions(9, 6, "data.identities")),
        (("--model_path", "gone.pth", "data.identities=3"), "gone.pth: no such file"),
        (("--name", "a/b"), mentions("--name", "'a/b'")),
        (("data.identitys=3",), mentions("'data.identitys'", "'identities'")),
    ],
)
def test_a_mistake_is_one_sentence(here: Here, place: Path, words: tuple[object, ...], sentence: str) -> None:
    before = sorted(place.rglob("*"))
    model = () if "--model_name" in words else ("--model_name", "resnet18")
    status, _, said = here(train, *model, "--name", "wrong", *SMALL, *words)
    last = said.strip().splitlines()[-1]
    assert status == 2 and re.search(sentence, last) and last.startswith("error: ") and "Traceback" not in said, said
    assert [path for path in before if not path.exists()] == []
    assert not list((place / "outputs").glob("wrong/checkpoints/*"))


def test_wrong_weights_are_one_sentence(here: Here, place: Path) -> None:
    torch.save(nn.Linear(2, 2), place / "module.pth")
    save_model(place / "other.pth", build_model("resnet18", 4), (1, 2, 3, 4), 64, 32)
    for words, sentence in (
        (("--model_path", "module.pth"), "module.pth: a pickled module"),
        (("--model_path", "other.pth"), "4 identities"),
        (("--model_path", "other.pth", "--model_name", "resnet34"), "resnet18"),
    ):
        status, _, said = here(train, *TWO_EPOCHS, "--name", "wrong", *SMALL, *words)
        assert status == 2 and sentence in said and said.count("\n") == 1, said
    status, _, said = here(test_tool, "--model_path", "other.pth", "--model_name", "mgn")
    assert status == 2 and "resnet18" in said and "mgn" in said
    status, _, said = here(train_mgn, "--test_only")
    assert status == 2 and "--test-only needs the model to test: --pre-train FILE" in said
    status, _, said = here(train_mgn, "--nGPU", 2)
    assert status == 2 and "torchrun --nproc-per-node 2 tools/train_mgn.py" in said


def test_photographs_of_one_camera_train_a_model_that_every_tool_takes(
    here: Here, place: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing can be measured on them: that is said, and is no error."""
    write_people(place / "photographs")
    words = ("--datadir", place / "photographs", "--name", "mine", *BAG, *SMALL, "schedule.epochs=1")
    status, _, said = here(train, *words)
    assert status == 0 and re.search("no test while training: .*; the weights to use are the last, last.pth", said)
    run = place / "outputs" / "mine"
    status, _, said = here(extract, "--model-path", run, "--output", place / "x.npz", place / "photographs")
    assert status == 0 and "its last weights are taken, last.pth" in caplog.text, said
    status, printed, said = here(evaluate_reid, "--name", "mine", "--data", place / "data", "--report", "last")
    assert status == 0 and " mAP " in printed, said
    status, printed, said = here(test_tool, "--model-path", run, "--data", place / "data")
    assert status == 0 and f"from {run / 'last.pth'}" in printed, said
    status, _, said = here(test_tool, "--model-path", run, "--data", place / "data", "model.options.last_stride=2")
    assert status == 2 and re.search(mentions("model.options", run / "last.pth"), said)
    status, _, said = here(test_tool, "--model-path", run, "--data", place / "photographs")
    assert status == 2 and "no images of the split query" in said, said


def test_a_damaged_test_image_is_found_before_the_training(here: Here, place: Path) -> None:
    shutil.copytree(place / "data", place / "damaged")
    image = sorted((place / "damaged" / "bounding_box_test").iterdir())[-1]
    image.write_bytes(image.read_bytes()[:100])
    status, _, said = here(train, "--datadir", place / "damaged", "--name", "damaged", *TWO_EPOCHS, *SMALL)
    assert status == 2 and str(image) in said and not (place / "outputs" / "damaged").exists(), said


def test_one_identity_is_nothing_to_learn(here: Here, place: Path) -> None:
    alone = place / "alone" / "7"
    alone.mkdir(parents=True)
    for number in range(3):
        Image.new("RGB", (48, 64), (number, 0, 0)).save(alone / f"{number}.png")
    status, _, said = here(train, "--datadir", place / "alone", "--name", "wrong")
    assert status == 2 and re.search(mentions(place / "alone", "at least 2 identities", 7), said)


def test_a_run_is_not_begun_twice(here: Here, place: Path) -> None:
    (place / "outputs" / "taken").mkdir(parents=True)
    (place / "outputs" / "taken" / "config.yaml").write_text("name: taken\n")
    status, _, said = here(train, "--name", "taken")
    assert status == 2 and "already holds a run; continue it with --resume" in said
