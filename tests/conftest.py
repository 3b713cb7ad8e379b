"""While testing, every annotation of our packages is checked (`tests/annotation_checks.py`).

Only here: a user's run pays nothing for it. Programs that a test starts run without, as a user's do.

Nothing large is imported with this file: a process that hands out tests to others needs none of it.
"""

import fcntl
import gc
import logging
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

# One thread for each process, before torch reads it and for programs that a test starts: tests run side by side, and a
# sum in one thread has one order, so that "bit for bit" can be asked for.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# No window is ever opened.
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest

if TYPE_CHECKING:
    import torch

    from dgnet.data.records import Dataset


def pytest_configure(config: pytest.Config) -> None:
    """Prepare a process that tests, before it imports the first test."""
    if config.getoption("numprocesses", 0) and not hasattr(config, "workerinput"):
        return
    # Imports make millions of objects and no garbage.
    gc.disable()
    import torch

    from tests.annotation_checks import check_annotations
    from tests.memory import keep_little

    check_annotations(("dgnet", "eval", "reid_heads", "visual"))
    torch.set_num_threads(1)
    keep_little()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that need CUDA are collected everywhere, and skipped where there is none."""
    import torch

    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs CUDA"))


def pytest_collection_finish() -> None:
    """What was imported stays until the end: the garbage collection after each module need not look at it."""
    gc.freeze()
    gc.enable()


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request: pytest.FixtureRequest) -> "torch.device":
    """Where a test computes; on a GPU only where there is one."""
    import torch

    return torch.device(request.param)


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> "Dataset":
    """The pedestrians of `tests.reid_heads.small_data`; a test that changes their files copies them first."""
    from tests.reid_heads.small_data import pedestrians

    return pedestrians(tmp_path_factory.mktemp("session") / "people")


@pytest.fixture(scope="module")
def narrow() -> Iterator[None]:
    """A resnet18 of an eighth of the width, where what is tested does not see the width."""
    from tests.dgnet.small_training import narrow_trunks

    with pytest.MonkeyPatch.context() as patch:
        narrow_trunks(patch)
        yield


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """A run that a test leaves open must not print its log lines into the next test's output."""
    loggers = [logging.getLogger(name) for name in (None, "dgnet", "reid_heads")]
    before = [(logger.level, list(logger.handlers)) for logger in loggers]
    yield
    for logger, (level, handlers) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.handlers[:] = handlers


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """A process sends its reports as UTF-8: what a test logs or prints of file names that are none would end it."""
    from dgnet.core.folder_names import printable

    report = yield
    report.sections = [(name, printable(text)) for name, text in report.sections]
    if report.failed and printable(str(report.longrepr)) != str(report.longrepr):
        report.longrepr = printable(str(report.longrepr))
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Processes that test side by side take turns at what is large; between modules memory goes back to the system.

    Outside of the timeout's clock: waiting for one's turn is not the test's time.
    """
    from tests.memory import release

    large = item.get_closest_marker("large") is not None
    with open(__file__, encoding="utf-8") as turn:
        if large:
            fcntl.flock(turn, fcntl.LOCK_EX)
            release()
        result = yield
        if large or nextitem is None or nextitem.path != item.path:
            release()
    return result
