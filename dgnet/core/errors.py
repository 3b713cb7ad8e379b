"""A user's mistake becomes one sentence and exit status 2, never a traceback."""

import sys
from collections.abc import Callable


class UserError(ValueError):
    """Bad input, the one error of this project. The message is one sentence: the file or argument, what is allowed,
    what was given.

    It is a `ValueError`, as callers of a library expect; `command` tells the two apart.
    """


def command(main: Callable[[], int | None]) -> None:
    """Run a tool's `main` and leave with its status; a `UserError` is printed to stderr and leaves with status 2.

    `OSError`s that carry a file name (no space left, permission denied) are the user's to mend too and end the same
    way. Ctrl-C leaves with status 130, as a shell says it.
    """
    try:
        status = main() or 0
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        status = 2
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        place = f"{error.filename}: " if error.filename is not None else ""
        print(f"error: {place}{error.strerror or error}", file=sys.stderr)
        status = 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        status = 130
    sys.exit(status)
