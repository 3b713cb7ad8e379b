"""Time lines: no picture stands over another, and times are read as clocks."""

import re

import numpy as np
import torch

from eval.report.page import Tile
from eval.report.time_line import TimeLineEntry, clock, time_line

IMAGE = torch.zeros(3, 128, 64, dtype=torch.uint8)


def test_pictures_never_overlap() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        begins = np.sort(random.uniform(0, 100, 12))
        entries = [
            TimeLineEntry(begin, begin + random.exponential(10), Tile(IMAGE, "x"), "1: 0.99 ✓", False)
            for begin in begins.tolist()
        ]
        drawn = str(time_line("camera", entries, 100.0))
        places = [list(map(float, place)) for place in re.findall(r'style="left:([\d.]+)%;top:([\d.]+)%;width', drawn)]
        assert len(places) == 12 and all(left + 8 <= 100 for left, _ in places)
        for number, (left, top) in enumerate(places):
            for other, above in places[:number]:
                # 4.8 % of the width is a picture, 8.2 % one with its label.
                assert abs(left - other) >= 8.1 or abs(top - above) > 1


def test_clocks() -> None:
    assert [clock(seconds) for seconds in (0, 59.94, 59.96, 3599.99, 90061)] == [
        "0:00.0", "0:59.9", "1:00.0", "1:00:00.0", "25:01:01.0",
    ]  # fmt: skip
