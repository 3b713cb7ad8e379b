import os
import signal
import subprocess
import time

import pytest

from dgnet.runs.signals import MAX_HOURS, Stop, describe, exit_status, resume_command


@pytest.mark.parametrize(
    ("number", "status", "name"), [(signal.SIGINT, 130, "SIGINT"), (signal.SIGTERM, 143, "SIGTERM")]
)
def test_a_signal_sets_the_flag_and_the_handlers_are_given_back(number, status, name):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with Stop() as stop:
        assert stop.code == 0
        os.kill(os.getpid(), number)
        assert stop.code == number
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert (exit_status(stop.code), describe(stop.code)) == (status, name)


def test_the_hours_end():
    stop = Stop(max_hours=0.05 / 3600)
    assert stop.code == 0
    time.sleep(0.06)
    assert stop.code == MAX_HOURS
    assert exit_status(MAX_HOURS) == exit_status(0) == 0
    assert Stop().code == 0


@pytest.mark.parametrize(("number", "ends"), [(signal.SIGINT, False), (signal.SIGTERM, True)])
def test_a_forked_worker_outlives_ctrl_c_but_can_be_terminated(number, ends):
    with Stop() as stop:
        worker = os.fork()
        if worker == 0:
            time.sleep(0.5)
            os._exit(7)
        time.sleep(0.1)
        os.kill(worker, number)
        _, status = os.waitpid(worker, 0)
        assert os.waitstatus_to_exitcode(status) == (-number if ends else 7)
        assert stop.code == 0


def test_a_program_started_by_the_run_can_be_terminated():
    with Stop(), subprocess.Popen(["sleep", "30"]) as program:
        program.terminate()
        assert program.wait(timeout=5) == -signal.SIGTERM


def test_the_command_to_go_on(monkeypatch):
    assert resume_command(["python", "train.py", "--name", "a b"], 1) == "python train.py --name 'a b' --resume"
    assert resume_command(["python", "train.py", "--resume"], 1) == "python train.py --resume"
    assert resume_command(["python", "demo.py"], 1, None) == "python demo.py"
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert resume_command(["/bin/python", "-u", "train.py"], 4) == "torchrun --nproc-per-node 4 train.py --resume"
    assert resume_command(["python", "-u", "-m", "a.train"], 4) == "torchrun --nproc-per-node 4 -m a.train --resume"
    assert "on every machine" in resume_command(["/bin/python", "-u", "train.py"], 8)
