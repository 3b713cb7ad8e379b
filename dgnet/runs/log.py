"""The log of a run: each message with its time in `log.txt`, and on stderr beside the progress bar."""

import logging
import sys
from pathlib import Path

from tqdm import tqdm

_LOGGERS = ("dgnet", "reid_heads")
_FILE_ONLY = "file_only"


class RunLog:
    """While open, messages to the loggers below `dgnet` and `reid_heads` (from INFO on) and to all others (from WARNING
    on) go to the file and to stderr.
    """

    def __init__(self, path: Path) -> None:
        """Append to the log file at `path`."""
        self._handlers: list[logging.Handler] = [_LogFile(path, encoding="utf-8"), _Console()]
        self._loggers = [logging.getLogger(name) for name in _LOGGERS]
        self._levels = [logger.level for logger in self._loggers]
        for logger in self._loggers:
            logger.setLevel(logging.INFO)
        for handler in self._handlers:
            logging.getLogger().addHandler(handler)

    def info(self, message: str) -> None:
        """One message to the file and to stderr."""
        self._loggers[0].info(message)

    def to_file(self, message: str, error: BaseException | None = None) -> None:
        """One message to the file alone, with the traceback of `error` if there is one."""
        self._loggers[0].info(message, exc_info=error, extra={_FILE_ONLY: True})

    def close(self) -> None:
        """Close the file and give the loggers back as they were."""
        for handler in self._handlers:
            logging.getLogger().removeHandler(handler)
            handler.close()
        for logger, level in zip(self._loggers, self._levels, strict=True):
            logger.setLevel(level)


class _LogFile(logging.FileHandler):
    def __init__(self, path: Path, encoding: str) -> None:
        # The name of a file in a message may be no UTF-8.
        super().__init__(path, encoding=encoding, errors="backslashreplace")
        self.setFormatter(logging.Formatter("%(asctime)s %(prefix)s%(message)s", datefmt="%Y-%m-%d %H:%M:%S"))
        self.addFilter(_add_prefix)

    def handleError(self, record: logging.LogRecord) -> None:
        """A full disk must not hide the error that the message is about."""
        print(f"warning: {self.baseFilename}: {sys.exc_info()[1]}", file=sys.stderr)


class _Console(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(prefix)s%(message)s"))
        self.addFilter(_add_prefix)

    def emit(self, record: logging.LogRecord) -> None:
        if not getattr(record, _FILE_ONLY, False):
            tqdm.write(self.format(record), file=sys.stderr)


def _add_prefix(record: logging.LogRecord) -> bool:
    record.prefix = f"{record.levelname.lower()}: " if record.levelno >= logging.WARNING else ""
    return True
