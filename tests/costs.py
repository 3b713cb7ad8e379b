"""What tests cost: `pytest -p tests.costs` ends with their CPU seconds and memory, and with the peak of all processes.

Memory is what a system cannot take back: anonymous and shared pages of the testing process and of the programs that it
started, sampled five times a second. Mapped files do not count.
"""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PERIOD = 0.2
# Lines at the end: the most expensive tests.
SHOWN = 30
KINDS = ("RssAnon:", "RssShmem:")


def memory_mb(pid: int) -> float:
    """MB of a process and of those that it started; 0 for one that is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        children = [
            int(child) for file in Path(f"/proc/{pid}/task").glob("*/children") for child in file.read_text().split()
        ]
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    own = sum(int(line.split()[1]) for line in status.splitlines() if line.startswith(KINDS))
    return own / 1024 + sum(map(memory_mb, children))


def cpu_seconds() -> float:
    """Of this process and of those that it started and that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


class Peak:
    """The most memory that this process and its children had since `start`."""

    def __init__(self) -> None:
        self.mb = 0.0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            self.mb = max(self.mb, memory_mb(os.getpid()))
            time.sleep(PERIOD)

    def start(self) -> None:
        self.mb = memory_mb(os.getpid())


# One for a test, one for the session; a process that only hands out tests sees those that run them as its children.
test_peak, session_peak = Peak(), Peak()
# CPU seconds until a test began.
before = pytest.StashKey[float]()


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
    terminalreporter.line(f"{total:9.2f} s of tests; all processes {session_peak.mb:,.0f} MB at most")
