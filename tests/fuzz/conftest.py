"""How many cases: a few, always the same, in `make test`; `HYPOTHESIS_PROFILE=long` tries 2,000 for each test, or
`FUZZ_CASES`.

A session ends with their number.
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings

COMMON = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("short", max_examples=20, derandomize=True, phases=[Phase.generate, Phase.shrink], **COMMON)
settings.register_profile("long", max_examples=int(os.environ.get("FUZZ_CASES", "2000")), print_blob=True, **COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "short"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    from tests.fuzz.cases import tried

    report = yield
    if call.when == "call":
        report.user_properties.append(("cases", (tried["read"], tried["refused"])))
    tried.clear()
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    read = refused = 0
    for reports in terminalreporter.stats.values():
        for report in reports:
            cases = dict(getattr(report, "user_properties", ())).get("cases", ())
            if getattr(report, "when", None) == "call" and cases:
                read, refused = read + cases[0], refused + cases[1]
    terminalreporter.line(f"fuzz: {read + refused:,} cases, {read:,} read and {refused:,} refused with one sentence")
