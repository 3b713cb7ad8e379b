import io
import re
import sys
import time

from dgnet.runs.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_a_bar_with_loss_speed_and_time_left(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    progress = Progress(40, 100)
    progress.show_loss(1.25)
    for _ in range(5):
        time.sleep(0.11)
        progress.advance()
    progress.close()
    last = stream.getvalue().rstrip().rsplit("\r", 1)[-1]
    assert "45/100" in last and "loss 1.25" in last and "it/s" in last
    assert re.search(r"<00:\d\d", last)  # 55 more at about 9 a second


def test_a_file_gets_a_line_now_and_then(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    progress = Progress(40, 100, seconds=0.2)
    for iteration in range(41, 46):
        time.sleep(0.1)
        progress.advance()
        progress.show_loss(iteration / 10)
    progress.close()
    lines = stream.getvalue().splitlines()
    assert 1 <= len(lines) <= 3
    assert re.fullmatch(r"iteration 4[23]/100, loss 4\.[12], \d+(\.\d+)? it/s, 0:00:\d\d left", lines[0])
