"""A user's mistake becomes one sentence and exit status 2, never a traceback."""

import io
import numbers
import os
import sys
from collections.abc import Callable

from dgnet.core.folder_names import one_line


class UserError(ValueError):
    """Bad input, the one error of this project. The message is one sentence: the file or argument, what is allowed,
    what was given.

    It is a `ValueError`, as callers of a library expect; `command` tells the two apart. Line ends, which a value or a
    file's name may hold, are escaped.

    Example:
        >>> print(UserError("data.root=a\\nb: no such folder"))
        data.root=a\\nb: no such folder
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(one_line(sentence))


class AdvisedError(UserError):
    """A mistake with a way out by options that not every command has: the others name their own, from `problem`."""

    def __init__(self, problem: str, advice: str) -> None:
        super().__init__(f"{problem}; {advice}")
        self.problem = problem


def check_count(name: str, value: object, least: int = 1) -> None:
    """`UserError` unless `value` is a whole number (of Python or NumPy) of at least `least`.

    Example:
        >>> check_count("batch", 2.5)
        Traceback (most recent call last):
        dgnet.core.errors.UserError: batch must be a whole number of at least 1, got 2.5
    """
    if not isinstance(value, numbers.Integral) or value < least:
        raise UserError(f"{name} must be a whole number of at least {least}, got {value!r}")


class RunStopped(Exception):
    """A run was asked to stop before its end, and has saved; `exit_status` is what its program leaves with.

    It is 0 where the hours were over, 130 after SIGINT and 143 after SIGTERM.
    """

    def __init__(self, exit_status: int) -> None:
        super().__init__(f"the run was stopped, exit status {exit_status}")
        self.exit_status = exit_status


def command(main: Callable[[], int | None]) -> None:
    """Run a tool's `main` and leave with its status; a `UserError` is printed to stderr and leaves with status 2.

    `OSError`s that carry a file name (no space left, permission denied) are the user's to mend too and end the same
    way. A run that was asked to stop leaves with its own status, Ctrl-C elsewhere with 130, as in a shell; 141 where
    nobody reads what is printed any more.
    """
    for stream in (sys.stdout, sys.stderr):
        # A file's name may hold what the terminal's encoding does not have.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = main() or 0
        if sys.stdout is not None:
            sys.stdout.flush()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        status = 2
    except BrokenPipeError:
        # Whoever read the output (head, a pager) has seen enough; nothing more can be printed, at the exit neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        status = 141  # as of a program that SIGPIPE ends
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        place = f"{error.filename}: " if error.filename is not None else ""
        print(one_line(f"error: {place}{error.strerror or error}"), file=sys.stderr)
        status = 2
    except MemoryError as error:
        print(f"error: not enough memory{f' ({error})' if str(error) else ''}", file=sys.stderr)
        status = 2
    except RunStopped as stop:
        status = stop.exit_status
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        status = 130
    sys.exit(status)
