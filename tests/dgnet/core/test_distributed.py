import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from tests.dgnet.core.two_ranks import network, train
from tests.messages import mentions

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    with subprocess.Popen(
        [*launcher, Path(__file__).with_name("two_ranks.py"), folder],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            _, said = process.communicate(timeout=300)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # ranks that wait for each other would stay for half an hour
    assert process.returncode == 0, said
    (folder / "stderr.txt").write_text(said)
    return folder


@pytest.fixture(scope="module")
def answers(folder):
    return [json.loads((folder / f"rank_{rank}.json").read_text()) for rank in (0, 1)]


@pytest.mark.slow
@pytest.mark.large
def test_two_half_batches_train_like_one_whole(folder):
    alone = Distributed.start("cpu")
    model = network(seed=0)
    train(model, alone, torch.ones(2, dtype=torch.float64))
    trained = torch.load(folder / "weights.pt", weights_only=True)
    untrained = network(seed=0).state_dict()
    for name, weight in model.state_dict().items():
        torch.testing.assert_close(trained[name], weight, rtol=1e-10, atol=1e-12)
        assert not torch.allclose(untrained[name], weight), name


def test_ranks_know_whether_they_are_the_same(answers):
    for answer in answers:
        assert (answer["same_before"], answer["same_after"], answer["same_trained"]) == (False, True, True)


def test_figures_and_flags_are_shared(answers):
    for answer in answers:
        assert answer["mean"] == {"b": 0.5, "a": 5.0}
        assert answer["maximum"] == [1, -1]
        assert answer["gather"] == [{"rank": 0}, {"rank": 1}]


def test_different_gradients_are_an_error_on_every_rank_and_no_hang(answers):
    assert all("another rank" in answer["odd"] for answer in answers)


def test_a_signal_to_one_rank_stops_all_in_the_same_iteration(folder, answers):
    assert [answer["stopped_at"] for answer in answers] == [3, 3]
    state = torch.load(folder / "run/checkpoints/checkpoint_00000003.pt", weights_only=True)
    assert state == {"ranks": [0, 1]}
    assert (
        f"torchrun --nproc-per-node 2 {Path(__file__).with_name('two_ranks.py')}" in (folder / "stderr.txt").read_text()
    )


def test_a_refusal_ends_every_rank(answers):
    assert answers[0]["second_run"].startswith("UserError") and "--resume" in answers[0]["second_run"]
    assert answers[1]["second_run"] == "SystemExit: 2"


def test_what_one_rank_refuses_ends_every_rank(answers):
    """Otherwise the others would wait for it in their next common step."""
    assert [answer["one_refuses"] for answer in answers] == ["UserError: no number", "SystemExit: 2"]
    sentence = "the loss term 'identity' is nan at iteration 3; lower it; the run stops, nothing had been saved yet"
    assert [answer["nan_on_one"] for answer in answers] == [f"UserError: {sentence}", "SystemExit: 2"]
    assert [answer["none_refuses"] for answer in answers] == ["", ""]


def test_every_program_joins_the_group_in_one_place_and_in_the_right_order(monkeypatch):
    """Functions of torch.distributed.nn that are imported after the group began would keep it alive."""
    own = [
        path for folder in ("dgnet", "eval", "reid_heads", "visual", "tools") for path in (ROOT / folder).rglob("*.py")
    ]
    beginners = [path.relative_to(ROOT).as_posix() for path in own if "init_process_group" in path.read_text()]
    assert beginners == ["dgnet/core/distributed.py"]
    name, imported = "torch.distributed.nn.functional", []
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setattr(dist, "init_process_group", lambda *_: imported.append(name in sys.modules))
    for variable, value in {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(variable, value)
    assert Distributed.start("cpu").rank == 1 and imported == [True]


def test_no_thread_of_the_group_is_left_to_abort_the_exit(folder):
    for rank in (0, 1):
        threads = json.loads((folder / f"threads_{rank}.json").read_text())
        assert [name for name in threads if "gloo" in name] == []


def test_synchronized_batch_norm_says_that_it_needs_cuda(answers):
    assert all(answer["sync_batch_norm"].startswith("UserError: synchronized batch norm") for answer in answers)
    with pytest.raises(UserError, match="CUDA only"):
        Distributed.start("cpu").synchronize_batch_norm(torch.nn.BatchNorm2d(3))


@pytest.mark.parametrize(
    ("variables", "named"),
    [
        ({"WORLD_SIZE": "2"}, ("RANK", "not set", "torchrun")),
        ({"WORLD_SIZE": "2", "RANK": "0"}, ("LOCAL_RANK", "not set", "torchrun")),
        ({"WORLD_SIZE": "2", "RANK": "2", "LOCAL_RANK": "0"}, ("RANK", "from 0 to 1", "'2'")),
        ({"WORLD_SIZE": "two"}, ("WORLD_SIZE", "'two'")),
        ({"WORLD_SIZE": "0"}, ("WORLD_SIZE", "from 1", "'0'")),
        ({"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0"}, ("MASTER_ADDR", "MASTER_PORT", "torchrun")),
        (
            {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0", "MASTER_ADDR": "x", "MASTER_PORT": "-1"},
            ("MASTER_PORT=-1",),
        ),
    ],
)
def test_variables_of_a_launcher_that_are_not_all_there(
    variables: dict[str, str], named: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As another program or a cluster leaves them behind: a KeyError."""
    for name in ("WORLD_SIZE", "RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=mentions(*named)):
        Distributed.start("cpu")
