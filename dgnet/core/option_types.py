"""Ranges of command-line options, for `add_argument(type=...)`: what is outside is refused while options are read."""

import argparse
import math
import re
from collections.abc import Callable
from pathlib import Path

from dgnet.core.settings import plain_folder_name


def at_least(smallest: int) -> Callable[[str], int]:
    """Whole numbers from `smallest` on."""

    def whole_number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = smallest - 1
        if value < smallest:
            raise argparse.ArgumentTypeError(f"must be a whole number of at least {smallest}, got {text!r}")
        return value

    return whole_number


def above(least: float | int) -> Callable[[str], float]:
    """Finite numbers greater than `least`."""
    return _number(lambda value: value > least, f"a number greater than {least:g}")


def between(least: float, most: float = math.inf) -> Callable[[str], float]:
    """Finite numbers from `least` to `most`, both included."""
    allowed = f"a number of at least {least:g}" if most == math.inf else f"a number from {least:g} to {most:g}"
    return _number(lambda value: least <= value <= most, allowed)


def sha256_digits(text: str) -> str:
    """Hexadecimal digits that a SHA-256 may begin with: none would let any file pass."""
    if not re.fullmatch("[0-9a-fA-F]{1,64}", text):
        raise argparse.ArgumentTypeError(f"must be 1 to 64 hexadecimal digits, got {text!r}")
    return text


def expanded_path(text: str) -> Path:
    """A path; `~` is the home folder. An empty one, which would be the current folder, is refused."""
    if not text:
        raise argparse.ArgumentTypeError("must be a path, got ''")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise argparse.ArgumentTypeError(f"must be a path, got {text!r}: no such user") from error


def run_name(text: str) -> str:
    """The name of a run below outputs/, or the path of its folder or of a checkpoint."""
    if not text:
        raise argparse.ArgumentTypeError("must be the name of a run or a path, got ''")
    return str(expanded_path(text)) if text.startswith("~") else text


def folder_name(text: str) -> str:
    """What can name a run's folder."""
    try:
        return plain_folder_name(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}, got {text!r}") from error


def _number(accepts: Callable[[float], bool], allowed: str) -> Callable[[str], float]:
    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and accepts(value)):
            raise argparse.ArgumentTypeError(f"must be {allowed}, got {text!r}")
        return value

    return number
