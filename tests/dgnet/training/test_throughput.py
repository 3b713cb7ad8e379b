"""Seconds of steps, without those of what happens between them."""

import time

import pytest

from dgnet.training.throughput import Throughput


def test_only_steps_count(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    throughput = Throughput()

    def step(seconds: float, images: int, test_seconds: float = 0.0) -> None:
        throughput.start()
        now[0] += seconds
        throughput.count(images)
        now[0] += test_seconds  # a test between two steps

    for test_seconds in (0.0, 50.0, 0.0):
        step(2, 8, test_seconds)
    assert throughput.images_per_second() == pytest.approx(4)
    step(1, 8)
    assert throughput.images_per_second() == pytest.approx(8)  # since the last question
    assert throughput.end_epoch() == pytest.approx((7 / 4, 32 / 7))
    step(3, 6)
    assert throughput.end_epoch() == pytest.approx((3, 2))
