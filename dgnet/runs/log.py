"""What a run says: each message with its time in `log.txt`, and on stderr beside the progress bar."""

import logging
import sys
from pathlib import Path

from tqdm import tqdm

_FILE_ONLY = "file_only"


class Journal:
    """While open, what is logged under `dgnet` (from INFO) or by any library (from WARNING) goes to file and stderr."""

    def __init__(self, path: Path) -> None:
        """Append to the log file at `path`."""
        self._handlers: list[logging.Handler] = [_LogFile(path, encoding="utf-8"), _Console()]
        self._logger = logging.getLogger("dgnet")
        self._level = self._logger.level
        self._logger.setLevel(logging.INFO)
        for handler in self._handlers:
            logging.getLogger().addHandler(handler)

    def say(self, message: str) -> None:
        """One line for the file and for stderr."""
        self._logger.info(message)

    def note(self, message: str, error: BaseException | None = None) -> None:
        """One line for the file alone, with the traceback of `error` where given."""
        self._logger.info(message, exc_info=error, extra={_FILE_ONLY: True})

    def close(self) -> None:
        """End the file and leave the loggers as they were."""
        for handler in self._handlers:
            logging.getLogger().removeHandler(handler)
            handler.close()
        self._logger.setLevel(self._level)


class _LogFile(logging.FileHandler):
    def __init__(self, path: Path, encoding: str) -> None:
        super().__init__(path, encoding=encoding)
        self.setFormatter(logging.Formatter("%(asctime)s %(prefix)s%(message)s", datefmt="%Y-%m-%d %H:%M:%S"))
        self.addFilter(_add_prefix)

    def handleError(self, record: logging.LogRecord) -> None:
        """A full disk must not replace the error that the message was about."""
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
