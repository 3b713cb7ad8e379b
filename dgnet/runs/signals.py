"""When a run should stop before its end: it was interrupted, terminated, or its hours are over."""

import os
import shlex
import signal
import time
from collections.abc import Sequence
from types import FrameType

MAX_HOURS = 1  # stands beside the signals' own numbers: SIGINT is 2, SIGTERM is 15
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def describe(code: int) -> str:
    """Why a run stopped, for people: `code` is `MAX_HOURS` or a signal's number."""
    return "the end of --max-hours" if code == MAX_HOURS else signal.Signals(code).name


def exit_status(code: int) -> int:
    """What a saved run leaves with: 0 when it finished or used up its hours, 130 after SIGINT, 143 after SIGTERM."""
    return 0 if code in (0, MAX_HOURS) else 128 + code


def resume_command(arguments: Sequence[str], processes: int, option: str | None = "--resume") -> str:
    """The command line that continues what `arguments` (interpreter first) began; by torchrun if need be.

    `option` is what the program needs to continue; None where it always does.
    """
    words = [*arguments, *([] if option is None or option in arguments else [option])]
    if processes == 1:
        return shlex.join(words)
    script = next(index for index, word in enumerate(words) if index > 0 and (word == "-m" or not word.startswith("-")))
    here = os.environ.get("LOCAL_WORLD_SIZE", str(processes))
    machines = "" if here == str(processes) else "  (on every machine, with the options that join them)"
    return f"torchrun --nproc-per-node {here} {shlex.join(words[script:])}{machines}"


class Stop:
    """Watches for SIGINT, SIGTERM and the end of the hours while it is entered; `code` says what came first.

    A signal only sets the flag; whoever trains asks for it between two iterations. A second SIGINT ends the process at
    once. The hours count from the construction, so that loading data and compiling are inside them.
    """

    def __init__(self, max_hours: float | int | None = None) -> None:
        self._deadline = None if max_hours is None else time.monotonic() + 3600 * max_hours
        self._signal = 0
        self._process = os.getpid()
        self._previous: dict[signal.Signals, object] = {}

    @property
    def code(self) -> int:
        """0 while the run should go on, else `MAX_HOURS` or the number of the signal that came."""
        if self._signal:
            return self._signal
        return MAX_HOURS if self._deadline is not None and time.monotonic() >= self._deadline else 0

    def __enter__(self) -> "Stop":
        for number in _SIGNALS:
            self._previous[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._previous.clear()

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if os.getpid() != self._process:
            # A worker process inherits the handler. Ctrl-C reaches it too, and it must go on serving until the run has
            # saved; but whoever terminates a worker means it.
            if number == signal.SIGTERM:
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)
            return
        self._signal = self._signal or number
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        again = "; Ctrl-C again ends at once, without saving" if number == signal.SIGINT else ""
        # Not print: the signal may have come in the middle of one.
        os.write(2, f"\n{signal.Signals(number).name}: saving after this iteration{again}\n".encode())
