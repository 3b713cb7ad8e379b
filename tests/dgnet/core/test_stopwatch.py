import time

import pytest

from dgnet.core.stopwatch import Stopwatch


def test_seconds_add_up_by_stage_also_where_a_stage_fails():
    watch = Stopwatch()
    with pytest.raises(ValueError, match="stop"), watch.stage("late in the alphabet"):
        time.sleep(0.02)
        raise ValueError("stop")
    with watch.stage("early"):
        pass
    with watch.stage("late in the alphabet"):
        time.sleep(0.02)
    assert list(watch.seconds) == ["late in the alphabet", "early"]
    assert 0.04 <= watch.seconds["late in the alphabet"] < 10 and watch.seconds["early"] < 0.02
