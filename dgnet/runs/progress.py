"""How far a run is, for someone who watches: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from datetime import timedelta

from tqdm import tqdm


class Progress:
    """Shows the iterations done (from `start` to `total`), the last loss, iterations per second and the time left.

    It goes to stderr: on a terminal a bar, into a file or a pipe one line every `seconds`, with the speed since the
    line before.
    """

    def __init__(self, start: int, total: int, seconds: float | int = 30.0) -> None:
        self._stream = sys.stderr
        self._done, self._total, self._seconds = start, total, seconds
        self._loss: float | int | None = None
        self._line_time, self._line_done = time.monotonic(), start
        self._bar = None
        if self._stream.isatty():
            self._bar = tqdm(
                initial=start, total=total, file=self._stream, dynamic_ncols=True, unit="it", smoothing=0.1
            )

    def advance(self) -> None:
        """One iteration more is done."""
        self._done += 1
        if self._bar is not None:
            self._bar.update()
        elif time.monotonic() - self._line_time >= self._seconds:
            self._write_line()

    def show_loss(self, loss: float | int) -> None:
        """The loss to show from now on."""
        self._loss = loss
        if self._bar is not None:
            self._bar.set_postfix_str(f"loss {loss:.4g}", refresh=False)

    def close(self) -> None:
        """Leave the bar as it stands and end its line."""
        if self._bar is not None:
            self._bar.close()

    def _write_line(self) -> None:
        now = time.monotonic()
        speed = (self._done - self._line_done) / (now - self._line_time)
        left = timedelta(seconds=round((self._total - self._done) / speed))
        loss = "" if self._loss is None else f", loss {self._loss:.4g}"
        print(
            f"iteration {self._done}/{self._total}{loss}, {speed:.3g} it/s, {left} left", file=self._stream, flush=True
        )
        self._line_time, self._line_done = now, self._done
