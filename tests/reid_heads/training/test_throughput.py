"""Seconds of steps, without those of what happens between them."""

import time

import pytest

from reid_heads.training.throughput import Pace


def test_only_steps_count(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    pace = Pace()
    for test in (0.0, 50.0, 0.0):
        now[0] += 2
        pace.count(8)
        now[0] += test  # a test between two steps
        pace.go()
    assert pace.images_per_second() == pytest.approx(4)
    now[0] += 1
    pace.count(8)
    assert pace.images_per_second() == pytest.approx(8)  # since the last question
    assert pace.end_epoch() == pytest.approx((7 / 4, 32 / 7))
    now[0] += 3
    pace.count(6)
    assert pace.end_epoch() == pytest.approx((3, 2))
