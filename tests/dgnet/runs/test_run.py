import logging
import os
import re
import subprocess
import sys

import pytest
import torch

from dgnet.core.errors import RunStopped, UserError
from dgnet.runs.checkpoint import checkpoint_path, list_checkpoints
from dgnet.runs.folder import differences
from dgnet.runs.run import Run
from dgnet.runs.scalars import read_scalars
from tests.messages import mentions

CONFIG = {"lr": 1e-4, "steps": [1, 2], "log": {"every": 2, "images": 5}, "name": None}


def start(tmp_path, config=CONFIG, name="one", **options):
    return Run.open(tmp_path / "outputs" / name, config, curves=tmp_path / "logs" / name, **options)


def train(run, first, last, total=100, every=2):
    """Iterations first + 1 .. last of a run that was to have `total`; leaves as a kill would, without a last save."""
    with run:
        assert run.start == first
        for iteration in run.iterations(total):
            if iteration % every == 0:
                run.log(iteration, {"a": iteration / 7, "b": torch.tensor(2.0, requires_grad=True)}, {"a": 3.0})
                run.save(iteration, {"iteration": iteration})
            if iteration == last:
                break


def snapshot(folder):
    return {
        path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".lock")
    }


def test_the_folder_as_its_user_knows_it(tmp_path, capfd):
    run = start(tmp_path, keep=2)
    assert run.latest_checkpoint() is None and run.start == 0
    with run:
        for iteration in run.iterations(5):
            if iteration in (2, 4, 5):
                run.log(
                    iteration,
                    {"swap": 0.5, "monitored": 9.0},
                    {"swap": 2.0},
                    learning_rates={"generator": 1e-4},
                    images_per_second=12.5,
                    memory_bytes=2**29,
                    others={"skipped_steps": 1},
                )
                run.save(iteration, {"iteration": iteration})
    run.raise_if_stopped()
    folder = tmp_path / "outputs/one"
    assert {path.name for path in folder.iterdir()} == {
        ".lock",
        "checkpoints",
        "config.yaml",
        "images",
        "log.txt",
        "scalars.csv",
    }
    assert [path.name for path in list_checkpoints(folder / "checkpoints")] == [
        "checkpoint_00000004.pt",
        "checkpoint_00000005.pt",
    ]
    assert read_scalars(folder / "scalars.csv")[-1] == (
        5,
        {
            "loss/swap": 0.5,
            "loss/monitored": 9.0,
            "weight/swap": 2.0,
            "learning_rate/generator": 1e-4,
            "speed/images_per_second": 12.5,
            "memory/peak_gib": 0.5,
            "skipped_steps": 1.0,
        },
    )
    log = (folder / "log.txt").read_text()
    line = r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d iteration 5: loss 1 = 2 x swap 0\.5; 12\.5 images/s; 0\.50 GiB$"
    assert re.search(line, log, re.MULTILINE)
    assert "finished: 5 iterations" in log and "checkpoint_00000005.pt" in log
    assert "finished: 5 iterations" in capfd.readouterr().err
    assert len(os.listdir(tmp_path / "logs/one")) == 1


def test_another_runs_folder_is_refused_and_untouched(tmp_path):
    train(start(tmp_path), 0, 4)
    before = snapshot(tmp_path)
    with pytest.raises(UserError, match=mentions("outputs/one", "--resume", "--name")):
        start(tmp_path)
    with pytest.raises(UserError, match=mentions("0.0001", "0.1", "--name")):
        start(tmp_path, {**CONFIG, "lr": 0.1, "steps": [1]}, resume=True, may_change={"log"})
    with pytest.raises(UserError, match=mentions("log.images", 5, "None", "log.extra")):
        start(tmp_path, {**CONFIG, "log": {"every": 1, "extra": 1}}, resume=True, may_change={"log.every"})
    with pytest.raises(UserError, match=mentions("another", "name", "config.yaml")):
        start(tmp_path, {**CONFIG, "head": {}}, resume=True, may_change={"log"})
    assert {path for path, content in snapshot(tmp_path).items() if before.get(path) != content} <= {
        tmp_path / "outputs/one/log.txt"
    }


def test_folders_that_nobody_can_place_are_refused(tmp_path):
    train(start(tmp_path), 0, 4)
    folder = tmp_path / "outputs/one"
    (folder / "config.yaml").rename(tmp_path / "config.yaml")
    for resume in (False, True):
        with pytest.raises(UserError, match=mentions("checkpoints", "config.yaml")):
            start(tmp_path, resume=resume)
    (folder / "config.yaml").write_text("{broken")
    with pytest.raises(UserError, match=mentions("config.yaml", "YAML")):
        start(tmp_path, resume=True)
    folder.rename(tmp_path / "away")
    with pytest.raises(UserError, match=mentions("curves", "another", "logs/one")):
        start(tmp_path)
    assert not folder.exists()
    folder.touch()
    with pytest.raises(UserError, match="is a file"):
        start(tmp_path)


def test_a_renamed_folder_says_how_it_is_resumed(tmp_path):
    config = {**CONFIG, "name": "one"}
    train(start(tmp_path, config), 0, 4)
    (tmp_path / "outputs/one").rename(tmp_path / "outputs/two")
    with pytest.raises(UserError, match=mentions("outputs/two", "'one'", "renamed")):
        start(tmp_path, {**config, "name": "two"}, "two", resume=True)
    with pytest.raises(UserError, match=mentions("'one' there", "0.1 now")):
        start(tmp_path, {**config, "name": "two", "lr": 0.1}, "two", resume=True)
    (tmp_path / "outputs/two").rename(tmp_path / "outputs/one")
    train(start(tmp_path, config, resume=True), 4, 5)


def test_output_settings_may_change_and_it_is_said(tmp_path):
    train(start(tmp_path), 0, 4)
    train(start(tmp_path, {**CONFIG, "log": {"every": 9, "images": 5}}, resume=True, may_change={"log"}), 4, 5)
    assert "changed since the run began: log.every: 2 -> 9" in (tmp_path / "outputs/one/log.txt").read_text()
    assert "every: 9" in (tmp_path / "outputs/one/config.yaml").read_text()


def test_settings_that_are_new_since_the_run_began_have_their_defaults(tmp_path):
    train(start(tmp_path), 0, 4)
    defaults = {"log": {"every": 7, "color": {"dark": False, "hue": 3}}}
    newer = {**CONFIG, "log": {**CONFIG["log"], "color": {"dark": False, "hue": 3}}}
    train(start(tmp_path, newer, resume=True, defaults=defaults), 4, 5)
    assert "changed since" not in (tmp_path / "outputs/one/log.txt").read_text()
    newer = {**CONFIG, "log": {**CONFIG["log"], "color": {"dark": True, "hue": 3}}}
    with pytest.raises(UserError, match=mentions("log.color.dark", "False", "True")):
        start(tmp_path, newer, resume=True, defaults=defaults)
    with pytest.raises(UserError, match=mentions("log.color", "None")):
        start(tmp_path, newer, resume=True)


def test_what_changed_is_stored_when_the_run_goes_on_and_not_before(tmp_path):
    train(start(tmp_path), 0, 4)
    stored = tmp_path / "outputs/one/config.yaml"
    before = stored.read_text()
    run = start(tmp_path, {**CONFIG, "log": {"every": 9, "images": 5}}, resume=True, may_change={"log"})
    assert stored.read_text() == before
    train(run, 4, 5)
    assert "every: 9" in stored.read_text()


def test_resuming_nothing_begins_and_says_so(tmp_path):
    train(start(tmp_path, resume=True), 0, 1)
    train(start(tmp_path, resume=True), 0, 1)
    said = (tmp_path / "outputs/one/log.txt").read_text()
    assert said.count("no checkpoint to resume from, starting at iteration 0") == 2


def test_resuming_continues_curves_from_the_checkpoint(tmp_path):
    train(start(tmp_path, name="whole"), 0, 8)
    train(start(tmp_path), 0, 6)
    folder = tmp_path / "outputs/one"
    os.truncate(checkpoint_path(folder / "checkpoints", 6), 100)
    run = start(tmp_path, resume=True)
    assert run.start == 4 and run.latest_checkpoint() == checkpoint_path(folder / "checkpoints", 4)
    train(run, 4, 8)
    assert (folder / "scalars.csv").read_text() == (tmp_path / "outputs/whole/scalars.csv").read_text()
    assert "warning: the checkpoint" in (folder / "log.txt").read_text()


def test_one_process_at_a_time(tmp_path):
    folder = tmp_path / "outputs/one"
    train(start(tmp_path), 0, 4)
    hold = "import sys, pathlib; from dgnet.runs.folder_lock import lock_folder as f"
    command = [sys.executable, "-c", f"{hold}; lock = f(pathlib.Path(sys.argv[1])); print(); input()", folder]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        with pytest.raises(UserError, match=r"outputs/one is in use by process \d+ on .*--name"):
            start(tmp_path, resume=True)
        other.communicate(b"\n")
    train(start(tmp_path, resume=True), 4, 5)


def test_the_hours_end_the_run_after_a_save(tmp_path, capfd):
    run = start(tmp_path, max_hours=1e-9)
    with run:
        for iteration in run.iterations(100):
            if run.should_stop():
                run.save(iteration, {"iteration": iteration})
                break
    with pytest.raises(RunStopped) as stopped:
        run.raise_if_stopped()
    assert iteration == 1 and stopped.value.exit_status == 0
    said = capfd.readouterr().err
    assert "stopped by the end of --max-hours; the state is in" in said and said.rstrip().endswith("--resume")
    for hours in (0, -1.5, float("nan")):
        with pytest.raises(UserError, match="positive number of hours"):
            start(tmp_path, name="two", max_hours=float(hours))


def test_a_run_that_ends_within_its_hours_is_finished_whatever_the_clock_says_then(tmp_path, capfd):
    run = start(tmp_path, max_hours=1e-9)
    with run:
        for _ in run.iterations(1):
            assert not run.should_stop()
    run.raise_if_stopped()
    assert "finished: 1 iterations" in capfd.readouterr().err


def test_a_signal_in_the_last_iteration_still_stops_what_would_follow(tmp_path):
    run = start(tmp_path)
    with run:
        for _ in run.iterations(1):
            os.kill(os.getpid(), 15)
            assert run.should_stop()
    with pytest.raises(RunStopped) as stopped:
        run.raise_if_stopped()
    assert stopped.value.exit_status == 143


def test_an_error_is_in_the_log_with_what_is_saved_and_the_loggers_are_given_back(tmp_path):
    handlers = list(logging.getLogger().handlers)
    run = start(tmp_path)
    with pytest.raises(ZeroDivisionError), run:
        for iteration in run.iterations(3):
            run.save(iteration, {"iteration": iteration})
            1 / 0  # noqa: B018
    log = (tmp_path / "outputs/one/log.txt").read_text()
    assert "ended by an error; the state is in" in log and "ZeroDivisionError" in log
    assert logging.getLogger().handlers == handlers
    train(start(tmp_path, resume=True), 1, 2)


def test_differences_name_the_keys():
    assert differences({"a": {"b": 1, "c": [1]}, "d": 1}, {"a": {"b": 1, "c": [2]}, "e": True}) == {
        "a.c": ([1], [2]),
        "d": (1, None),
        "e": (None, True),
    }
    assert differences({"a": 1}, {"a": True}) == {"a": (1, True)}
