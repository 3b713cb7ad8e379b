"""What tests cost: `make costs` ends with their CPU seconds and memory, and with the peak of all processes together.

A test's memory is what a system cannot take back: anonymous and shared pages of the testing process and of the programs
that it started, sampled five times a second. Mapped files do not count.

The peak of all processes is the sum of their proportional set sizes (PSS), sampled every two seconds: pages that
several processes share, torch's libraries among them, count once.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Seconds between samples; a proportional size takes the system some milliseconds for each GB.
PERIOD, SESSION_PERIOD = 0.2, 2.0
# Lines at the end: the most expensive tests.
SHOWN = 30
KINDS = ("RssAnon:", "RssShmem:")


def memory_mb(pid: int) -> float:
    """MB of a process and of those that it started, without mapped files; 0 for one that is gone."""
    return _sum_over_tree(pid, "status", KINDS)


def proportional_mb(pid: int) -> float:
    """MB (PSS) of a process and of those that it started, mapped files included; 0 for one that is gone."""
    return _sum_over_tree(pid, "smaps_rollup", ("Pss:",))


def _sum_over_tree(pid: int, file: str, kinds: tuple[str, ...]) -> float:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text(encoding="utf-8").splitlines()
        children = [
            int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()
        ]
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    own = sum(int(line.split()[1]) for line in lines if line.startswith(kinds))
    return own / 1024 + sum(_sum_over_tree(child, file, kinds) for child in children)


def cpu_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class Peak:
    """The most memory that this process and its children had since `start`, as `measure` counts it."""

    def __init__(self, measure: Callable[[int], float], period: float) -> None:
        self.mb, self._measure, self._period = 0.0, measure, period
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            self.mb = max(self.mb, self._measure(os.getpid()))
            time.sleep(self._period)

    def start(self) -> None:
        self.mb = self._measure(os.getpid())


test_peak = Peak(memory_mb, PERIOD)
# Of the process that ends the session: those that test for it are its children.
session_peak = pytest.StashKey[Peak]()
# CPU seconds until a test began.
before = pytest.StashKey[float]()


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.stash[session_peak] = Peak(proportional_mb, SESSION_PERIOD)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    item.stash[before] = cpu_seconds()
    test_peak.start()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    report = yield
    if call.when == "teardown":
        cost = cpu_seconds() - item.stash[before], max(test_peak.mb, memory_mb(os.getpid()))
        report.user_properties.append(("cost", cost))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    costs: dict[str, tuple[float, float]] = {}
    for reports in terminalreporter.stats.values():
        for report in reports:
            properties = dict(getattr(report, "user_properties", ()))
            if "cost" in properties:
                costs[report.nodeid] = tuple(properties["cost"])
    for column, title in enumerate(("CPU seconds", "MB of memory")):
        terminalreporter.section(f"{title}, the {SHOWN} most expensive tests")
        for name, cost in sorted(costs.items(), key=lambda item: -item[1][column])[:SHOWN]:
            terminalreporter.line(f"{cost[0]:9.2f} s {cost[1]:9,.0f} MB  {name}")
    total = sum(seconds for seconds, _ in costs.values())
    peak = terminalreporter.config.stash[session_peak].mb
    terminalreporter.line(
        f"{total:9.2f} s of tests; all processes together {peak:,.0f} MB at most (PSS, every {SESSION_PERIOD:g} s)"
    )
