"""The generator of an A/B: trained on the images that the models have, or named."""

import os
import shlex
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dgnet import load_generator
from dgnet.config import override_config, resolved
from dgnet.core.checkpoint import load_checkpoint, save_checkpoint
from dgnet.core.distributed import Distributed
from dgnet.core.settings import load_settings
from dgnet.data.datasets import read_dataset
from dgnet.runs.resume import images_content
from dgnet.training.joint import JointTask
from dgnet.training.task import TrainingTask
from dgnet.training.teacher import TeacherTask
from reid_heads.ab_experiment.config import ABConfig, SubsetConfig
from reid_heads.ab_experiment.data import subset_of
from reid_heads.ab_experiment.generator import ABGenerator
from tests.dgnet.generation.small_run import SETTINGS
from tests.dgnet.small_generator import small_config
from tests.dgnet.small_training import narrow_trunks
from tests.tools.small_ab import VARIANTS, figures, run, write_place

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        narrow_trunks(patch)
        yield write_place(tmp_path_factory.mktemp("ab"))


@pytest.fixture(scope="module")
def trained(place: Path) -> Path:
    """An A/B whose generator is trained on its subset: four iterations, after a teacher of one epoch."""
    values = resolved(override_config(small_config(), SETTINGS))
    values["teacher"] |= {"epochs": 1, "batch_size": 4}
    values["run"] |= {"batch_size": 2}
    (place / "dgnet.yaml").write_text(yaml.safe_dump(values))
    ab_values = yaml.safe_load((place / "ab.yaml").read_text()) | {
        "name": "trained",
        "generator": None,
        "generator_training": {"config": str(place / "dgnet.yaml"), "settings": {"schedule.iterations": 4}},
        "variants": {name: VARIANTS[name] for name in ("real", "generated")},
    }
    (place / "trained.yaml").write_text(yaml.safe_dump(ab_values))
    assert run(place, "--config", place / "trained.yaml") == 0
    return place / "outputs" / "trained"


def test_the_generator_learns_from_the_images_that_the_models_have(trained: Path, place: Path) -> None:
    subset = subset_of(read_dataset(place / "people"), SubsetConfig(images=2))
    listed = read_dataset(trained / "subset.csv")
    assert {(one.path.resolve(), one.identity, one.camera) for one in listed.train} == {
        (one.path.resolve(), one.identity, one.camera) for one in subset.train
    }
    generator = load_generator(place / "outputs" / "trained_generator")
    assert generator.iteration == 4 and generator.content == images_content([one.path for one in subset.train])
    very = "The generator was trained on the very 6 real images that the models train on, and on nothing else."
    assert very in (trained / "outcome.md").read_text()
    assert len(list((trained / "generated" / "images").rglob("*.png"))) == 12


def test_a_generator_that_knows_more_is_told(trained: Path, place: Path) -> None:
    config = load_settings(
        ABConfig, place / "trained.yaml", ["generator_training=null", f"generator={trained}_generator"]
    )
    generator = ABGenerator(config, place, Distributed.start("cpu"), lambda *_: None)
    dataset = read_dataset(place / "people")
    assert "on nothing else" in generator.training_images_note(subset_of(dataset, config.subset))
    assert "on other images than the 3 real images" in generator.training_images_note(
        subset_of(dataset, SubsetConfig(images=1))
    )
    # A teacher, or initial weights, may bring what other images showed.
    (checkpoint,) = (place / "outputs" / "trained_generator" / "checkpoints").glob("*.pt")
    state = load_checkpoint(checkpoint)
    state["config"]["teacher"]["checkpoints"] = ["elsewhere/teacher.pth"]
    (place / "taught").mkdir()
    save_checkpoint(place / "taught" / "checkpoint_00000004.pt", state)
    taught = load_settings(
        ABConfig, place / "trained.yaml", ["generator_training=null", f"generator={place}/taught/{checkpoint.name}"]
    )
    told = ABGenerator(taught, place, Distributed.start("cpu"), lambda *_: None).training_images_note(
        subset_of(dataset, config.subset)
    )
    assert "on nothing else" not in told and "elsewhere/teacher.pth" in told
    # A run that is named is used as one that was trained here.
    settings = (
        "generator_training=null",
        f"generator={place / 'outputs' / 'trained_generator'}",
        "subset.identities=2",
    )
    assert run(place, "--config", place / "trained.yaml", "--name", "named", *settings[:2]) == 0
    assert figures(place / "outputs" / "named") == figures(trained)
    # For fewer people it is a generator that knows more.
    assert run(place, "--config", place / "trained.yaml", "--name", "fewer", *settings) == 0
    assert "on other images than the 4 real" in (place / "outputs" / "fewer" / "outcome.md").read_text()


def test_a_trained_generator_is_kept_on_resume(trained: Path, place: Path) -> None:
    before = figures(trained)
    (checkpoint,) = (place / "outputs" / "trained_generator" / "checkpoints").glob("*.pt")
    written = checkpoint.stat().st_mtime_ns
    for folder in (trained / "results", trained / "runs", place / "logs" / "trained"):
        shutil.rmtree(folder)
    assert run(place, "--config", place / "trained.yaml", "--resume") == 0
    assert figures(trained) == before and checkpoint.stat().st_mtime_ns == written


@pytest.mark.parametrize(("task", "run_name"), [(TeacherTask, "generator_teacher"), (JointTask, "generator")])
def test_an_ab_that_is_stopped_while_its_generator_trains_goes_on(
    task: type[TrainingTask],
    run_name: str,
    trained: Path,
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name, step = f"stopped_{run_name}", task.step

    def step_and_stop(self, batch, iteration):
        if iteration == 0:
            os.kill(os.getpid(), signal.SIGTERM)
        return step(self, batch, iteration)

    with monkeypatch.context() as patch:
        patch.setattr(task, "step", step_and_stop)
        assert run(place, "--config", place / "trained.yaml", "--name", name) == 128 + signal.SIGTERM
    # The command that it prints is the one that goes on.
    assert "--resume" in shlex.split(capsys.readouterr().err.strip().splitlines()[-1])
    saved = [path.name for path in place.glob(f"outputs/{name}_{run_name}/checkpoints/*.pt")]
    assert saved == ["checkpoint_00000001.pt"] and not (place / "outputs" / name / "generated").exists()
    assert run(place, "--config", place / "trained.yaml", "--name", name) == 2
    assert run(place, "--config", place / "trained.yaml", "--name", name, "--resume") == 0
    assert load_generator(place / "outputs" / f"{name}_generator").iteration == 4
    assert figures(place / "outputs" / name) == figures(trained)
