"""What a run leaves, and how it is taken up again: last weights, tests that failed, more epochs, other identities."""

import os
import shutil
from pathlib import Path

import pytest
import torch

from dgnet.core.errors import UserError
from dgnet.data.records import Dataset
from dgnet.models.model_file import save_model
from dgnet.models.registry import build_model
from dgnet.models.reid_model import ReIDModel
from dgnet.runs.checkpoint import list_checkpoints
from dgnet.runs.scalars import read_scalars
from reid_heads import load_model
from reid_heads.load import run_weights
from reid_heads.training.checks import check_training
from reid_heads.training.evaluation import Evaluation
from tests.dgnet.small_training import narrow_trunks
from tests.messages import mentions
from tests.reid_heads.small_data import small_config
from tests.reid_heads.training.small_run import CPU, begin, end_of, teacher_file, train


@pytest.fixture(autouse=True)
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resnet18 of an eighth of the width: training does not see it."""
    narrow_trunks(monkeypatch)


def test_without_a_test_the_last_weights_are_what_a_user_loads(
    dataset: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trained = train(tmp_path, dataset, schedule__epochs=1)
    assert trained.best is None and not list((tmp_path / "run").glob("mAP_*.pth"))
    model = load_model(tmp_path / "run")
    assert model.weights == tmp_path / "run" / "last.pth" and model.identities == dataset.identities
    state = trained.model.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in model.network.state_dict().items())
    assert "was not tested while it was trained: its last weights are taken, last.pth" in caplog.text
    # The best are taken where there are any, and a run that is stopped leaves its last weights, too.
    begin(tmp_path / "stopped", dataset)
    stopped = tmp_path / "stopped" / "run"
    assert load_model(stopped).weights == stopped / "last.pth"
    (stopped / "last.pth").rename(stopped / "mAP_1.0.pth")
    assert load_model(stopped).weights == stopped / "mAP_1.0.pth"


@pytest.mark.slow
def test_the_state_is_saved_before_the_test_and_the_test_is_made_up_for(dataset: Dataset, tmp_path: Path) -> None:
    """A test that fails costs no epoch, and the run goes on as if it had not failed."""
    values = {1: 0.25, 2: 0.5, 3: 0.125}

    def evaluate(place: Path, fails: int) -> Evaluation:
        def measure(_: ReIDModel) -> dict[str, float]:
            epoch = len(list_checkpoints(place / "run" / "checkpoints"))
            if epoch == fails:
                raise UserError("0001.jpg: cut short")
            return {"mAP": values[epoch], "Rank-1": 0.5}

        return Evaluation(measure, "image alone")

    options = {"schedule__epochs": 3, "run__keep_checkpoints": 9}
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    best = train(whole, dataset, evaluation=evaluate(whole, fails=0), **options).best
    with pytest.raises(UserError, match=r"0001\.jpg: cut short"):
        train(parts, dataset, evaluation=evaluate(parts, fails=2), **options)
    assert list_checkpoints(parts / "run" / "checkpoints")[-1].name == "checkpoint_00000008.pt"
    copy = tmp_path / "untested"
    shutil.copytree(parts, copy)
    assert train(copy, dataset, resume=True, **options).best == copy / "run" / "mAP_25.0.pth", "tests may be given up"
    trained = train(parts, dataset, evaluation=evaluate(parts, fails=0), resume=True, **options)
    assert trained.best is not None and best is not None and trained.best.name == best.name == "mAP_50.0.pth"
    assert trained.best.read_bytes() == best.read_bytes() and trained.figures["mAP"] == 0.125
    one, other = end_of(whole), end_of(parts)
    for key, value in one.items():
        assert torch.equal(value, other[key]) if isinstance(value, torch.Tensor) else value == other[key], key
    rows = [read_scalars(place / "run" / "scalars.csv") for place in (whole, parts)]
    assert [[row.get("mAP") for _, row in table if "mAP" in row] for table in rows] == [list(values.values())] * 2
    assert [[iteration for iteration, _ in table] for table in rows] == [list(range(1, 13))] * 2


@pytest.mark.slow
def test_a_finished_run_is_made_longer(dataset: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Bit for bit the run that had been as long from the start."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(whole, dataset, schedule__epochs=3, schedule__decay="step_2")
    train(parts, dataset, schedule__epochs=1, schedule__decay="step_2")
    train(parts, dataset, schedule__epochs=3, schedule__decay="step_2", resume=True)
    assert "12 iterations in all, 4 before: it goes on as if it had had 12 from the start" in caplog.text
    one, other = end_of(whole), end_of(parts)
    assert one.keys() == other.keys()
    for key, value in one.items():
        assert torch.equal(value, other[key]) if isinstance(value, torch.Tensor) else value == other[key], key
    with pytest.raises(UserError, match=mentions("checkpoint_00000012.pt", 12, 8, "ask for at least as many")):
        train(parts, dataset, schedule__epochs=2, schedule__decay="step_2", resume=True)
    # What is refused lets go of its files: a later run of this process does not write to them.
    log = next(parts.rglob("log.txt"))
    refused = log.read_text()
    assert "not begun: " in refused
    train(tmp_path / "other", dataset, schedule__epochs=1)
    assert log.read_text() == refused


def test_initial_weights_of_as_many_other_people_are_refused(
    dataset: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The classifier would begin with the wrong people, and nobody would know."""
    path = tmp_path / "named.pth"
    for names, known in ((dataset.people, True), (tuple("abcdef"), False)):
        save_model(path, build_model("resnet18", 6), dataset.identities, 64, 32, names)
        if known:
            begin(tmp_path / "same", dataset, model__weights=path)
            continue
        with pytest.raises(UserError, match=mentions("named.pth", "class 0", "a", "new_classifier=true")):
            begin(tmp_path / "others", dataset, model__weights=path)
        with pytest.raises(UserError, match=mentions("named.pth", "class 0", "a")):
            check_training(small_config(model__weights=path), dataset, CPU)
        begin(tmp_path / "anew", dataset, model__weights=path, model__new_classifier=True)
    assert "not compared" not in caplog.text
    begin(tmp_path / "numbers", dataset, model__weights=teacher_file(tmp_path / "numbers.pth", dataset))
    assert "does not name the people of its classifier: they were not compared" in caplog.text


@pytest.mark.parametrize("term", ["Triplet", "SoftTriplet", "MSMLoss"])
def test_a_metric_loss_without_two_images_of_a_person_is_refused(dataset: Dataset, tmp_path: Path, term: str) -> None:
    """It would be 0 throughout, and the training one by cross-entropy alone."""
    options = {"data__images_per_identity": 1, "data__identities": 6}
    with pytest.raises(UserError, match=mentions(term, "data.images_per_identity", 1)):
        begin(tmp_path, dataset, **options, loss__terms=f"1*CrossEntropy+1*{term}")
    begin(tmp_path, dataset, **options, loss__terms="1*CrossEntropy")


def test_what_a_trained_model_of_other_people_gives_is_logged(
    dataset: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = {"model__weights": teacher_file(tmp_path / "other.pth", dataset, identities=4)}
    with pytest.raises(UserError, match=mentions("other.pth", 4, 6, "new_classifier=true")):
        begin(tmp_path / "refused", dataset, **other)
    begin(tmp_path / "anew", dataset, **other, model__new_classifier=True)
    assert "other.pth: all but classifier, which is initialized randomly" in caplog.text
    (tmp_path / "other.pth").unlink()
    train(tmp_path / "anew", dataset, **other, model__new_classifier=True, resume=True)  # all is in its checkpoint
    begin(tmp_path / "random", dataset)
    assert "resnet18 began with random weights" in caplog.text


def test_of_several_best_files_it_says_which_is_taken(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A copy of a folder need not keep the dates by which the last of them is known."""
    for seconds, name in ((20, "mAP_60.0.pth"), (10, "mAP_50.0.pth")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (seconds, seconds))
    assert run_weights(tmp_path) == tmp_path / "mAP_60.0.pth"
    assert "its newest file is taken, mAP_60.0.pth, not mAP_50.0.pth" in caplog.text
    caplog.clear()
    (tmp_path / "mAP_50.0.pth").unlink()
    assert run_weights(tmp_path) == tmp_path / "mAP_60.0.pth" and not caplog.text
