"""What the main tool refuses: one sentence, status 2, no traceback, nothing spoilt."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from dgnet.config import load_config
from dgnet.core.checkpoint import load_checkpoint, save_checkpoint
from dgnet.core.distributed import Distributed
from dgnet.data.training_data import open_dataset
from dgnet.models.appearance import ReIDAppearanceEncoder
from dgnet.models.build import build_teacher
from dgnet.models.model_file import save_model
from dgnet.runs.checkpoint import list_checkpoints
from tests.messages import mentions
from tests.tools.gan_tool import ROOT, Here, write_config

pytestmark = pytest.mark.slow

TEACHER = "teacher.checkpoints=[{place}/teacher.pth]"
NEEDS_TEACHER = "short_training.from_teacher needs a teacher"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a configuration, its pedestrians and two teachers are, neither of which was ever trained."""
    place = tmp_path_factory.mktemp("refusals")
    write_config(place)
    config = load_config(place / "tiny.yaml")
    dataset = open_dataset(config.data, Distributed.start("cpu"))
    teacher = build_teacher(config.teacher, len(dataset.identities))
    for name, identities in (("teacher", dataset.identities), ("stranger", (1, 2, 9))):
        save_model(place / f"{name}.pth", teacher, identities, config.data.height, config.data.width)
    torch.save([1, 2, 3], place / "list.pth")
    shutil.copytree(place / "people", place / "corrupt_people")
    image = sorted((place / "corrupt_people" / "bounding_box_train").iterdir())[5]
    image.write_bytes(image.read_bytes()[:200])
    return place


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str], place: Path) -> Here:
    return Here(capsys, place)


def test_a_diverging_run_stops_by_itself_and_keeps_what_was_good(here: Here) -> None:
    settings = (TEACHER.format(place=here.place), "--name", "diverging", "run.checkpoint_every=1")
    assert here(*settings, "--max-hours", "1e-7")[0] == 0
    folder = here.place / "outputs" / "diverging"
    (good,) = list_checkpoints(folder / "checkpoints")
    state = load_checkpoint(good)
    state["generator"]["decoder.finish.2.convolution.weight"].fill_(3e38)  # finite, and nothing behind it is
    save_checkpoint(good, state)
    status, _, said = here(*settings, "--resume")
    (sentence,) = [line for line in said.splitlines() if line.startswith("error: ")]
    assert status == 2 and "the loss term 'discriminator_adversarial' is nan at iteration 2; the run stops" in sentence
    assert list_checkpoints(folder / "checkpoints") == [good]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("run.batchsize=4",), "unknown key 'run.batchsize'; did you mean 'batch_size'?"),
        (
            ("run.batch_size=100",),
            "run.batch_size must be at most 12 with the 12 training images of {place}/people and 1",
        ),
        (("data.layout=market1501", "data.root=/nowhere"), "/nowhere"),
        (("data.layout=market1501", "data.root={place}/corrupt_people"), "not a readable image"),
        (("data.synthetic.seed=1",), "{place}/people"),
        (("teacher.checkpoints=[{place}/stranger.pth]",), "stranger.pth: this teacher knows 3 identities"),
        (("teacher.checkpoints=[{place}/nobody.pth]",), "{place}/nobody.pth does not exist"),
        (("teacher.checkpoints=[{place}/tiny.yaml]",), "{place}/tiny.yaml is damaged"),
        (("appearance.weights={place}/nothing.pth",), "{place}/nothing.pth: no such file of weights"),
        (("appearance.weights={place}/list.pth",), "{place}/list.pth: must hold pretrained weights"),
        (("teacher.checkpoints=[{place}/list.pth]",), "{place}/list.pth is no checkpoint of ours: it holds a list"),
        (("appearance.model=resnet18_kd",), "appearance.model must be a model without it (resnet18)"),
        (
            ("short_training.from_teacher=true", "appearance.backbone=resnet34"),
            NEEDS_TEACHER,
        ),
        (
            ("short_training.from_teacher=true", "appearance.model=resnet18"),
            NEEDS_TEACHER,
        ),
        (
            ("short_training.from_teacher=true", "teacher.label=appearance"),
            NEEDS_TEACHER,
        ),
        (("run.device=tpu",), "run.device=tpu: must be auto, cpu, cuda or cuda:NUMBER (cuda:0 is the first GPU), got"),
        (("run.device=0",), "run.device=0: must be auto, cpu, cuda or cuda:NUMBER (cuda:0 is the first GPU), got 0"),
        (("run.sync_batch_norm=true",), "synchronized batch norm works on CUDA only"),
        (("--name", "a/b"), "must be a plain folder name"),
        (("--name", ""), "must be a plain folder name, got ''"),
    ],
)
def test_bad_input_is_one_sentence(here: Here, options: tuple[str, ...], words: str) -> None:
    given = [option.format(place=here.place) for option in options]
    if not any(option.startswith("teacher.checkpoints=") for option in options):
        given.append(TEACHER.format(place=here.place))
    named = [] if "--name" in options else ["--name", "bad"]
    status, _, said = here(*given, *named)
    (sentence,) = [line for line in said.splitlines() if line.startswith("error: ")]
    assert status == 2 and words.format(place=here.place) in sentence, said
    assert "Traceback" not in said
    # Put right, the same command begins: no folder of a run is in its way.
    assert not (here.place / "outputs" / "bad").exists() and not (here.place / "logs" / "bad").exists()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("appearance.weights=nothing.pth", "nothing.pth: no such file"),
        ("short_training.from_teacher=true", NEEDS_TEACHER),
        ("teacher.weights=nothing.pth", "nothing.pth: no such file"),
        ("teacher.batch_size=6", mentions("teacher.batch_size", 4, 6)),
        ("teacher.batch_size=64", mentions("teacher.batch_size", 48, 12, 64)),
        ("run.batch_size=13", mentions("run.batch_size", 12, 13)),
        ("data.pad=48", mentions("data.pad", "64x48", 48)),
        ("run.sync_batch_norm=true", "synchronized batch norm works on CUDA only"),
    ],
)
def test_what_cannot_be_built_is_said_before_a_teacher_is_trained(here: Here, setting: str, words: str) -> None:
    status, _, said = here("--name", "unbuilt", setting, "appearance.backbone=resnet34")
    assert status == 2 and said.startswith("error: ") and re.search(words, said), said
    assert not list(here.place.glob("*/unbuilt*"))


def test_an_occupied_folder_is_refused_before_a_teacher_is_trained(here: Here) -> None:
    occupied = here.place / "outputs" / "occupied"
    occupied.mkdir(parents=True)
    (occupied / "config.yaml").write_text("name: another\n")
    status, _, said = here("--name", "occupied")
    assert status == 2 and f"{occupied} already holds a run" in said
    status, _, said = here("--name", "occupied", "--resume")
    assert status == 2 and f"{occupied} holds a run of another tool" in said
    assert not (here.place / "outputs" / "occupied_teacher").exists()


def test_a_folder_that_cannot_be_written_is_refused_before_a_teacher_is_trained(here: Here) -> None:
    """It leaves no folder of a run behind, which would be in the way of the next try."""
    logs = here.place / "elsewhere" / "logs"
    logs.parent.mkdir()
    logs.write_text("a file in the way")
    status, _, said = here("--name", "unwritten", "--output-path", logs.parent)
    assert status == 2 and re.search(f"{logs}.* cannot be written, {logs} is a file and no folder", said), said
    assert [path.name for path in logs.parent.iterdir()] == ["logs"]


def test_networks_that_do_not_fit_together_are_said_before_a_teacher_is_trained(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A registered model may have any code: here one that the decoder cannot take."""
    whole = ReIDAppearanceEncoder.__init__

    def narrower(encoder: ReIDAppearanceEncoder, *arguments: object, **options: object) -> None:
        whole(encoder, *arguments, **options)
        encoder.code_size += 8

    monkeypatch.setattr(ReIDAppearanceEncoder, "__init__", narrower)
    status, _, said = here("--name", "unfit", "appearance.model=resnet18")
    assert status == 2 and "the networks do not fit together at images of 64x48 (data.height, data.width)" in said, said
    assert not list(here.place.glob("*/unfit*"))


def test_a_missing_configuration_from_the_shell(place: Path) -> None:
    words = [sys.executable, "tools/train_gan.py", "--config", str(place / "nowhere.yaml")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: {place / 'nowhere.yaml'}: no such configuration file\n"
