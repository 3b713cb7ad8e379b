"""Ranges of command-line options, for `add_argument(type=...)`: what is outside is refused while options are read."""

import argparse
import math
import re
from collections.abc import Callable
from pathlib import Path

from dgnet.core.errors import UserError
from dgnet.core.files import user_path
from dgnet.core.folder_names import plain_folder_name

_LARGEST = 2**63 - 1


def at_least(smallest: int) -> Callable[[str], int]:
    """Whole numbers from `smallest` on, as far as 64 bits reach."""
    return _whole_number(smallest, _LARGEST, f"a whole number of at least {smallest}")


def from_to(smallest: int, largest: int) -> Callable[[str], int]:
    """Whole numbers from `smallest` to `largest`, both included."""
    return _whole_number(smallest, largest, f"a whole number from {smallest} to {largest}")


def above(least: float | int, most: float | int = math.inf) -> Callable[[str], float]:
    """Finite numbers greater than `least`, and at most `most`."""
    limit = "" if most == math.inf else f" and at most {most:g}"
    return _number(lambda value: least < value <= most, f"a number greater than {least:g}{limit}")


def between(least: float, most: float = math.inf) -> Callable[[str], float]:
    """Finite numbers from `least` to `most`, both included."""
    allowed = f"a number of at least {least:g}" if most == math.inf else f"a number from {least:g} to {most:g}"
    return _number(lambda value: least <= value <= most, allowed)


def shown(text: str) -> str:
    """A value as an error's sentence shows it: in quotes, the middle of a long one left out."""
    return repr(text if len(text) <= 100 else f"{text[:60]}...{text[-20:]}")


def sha256_digits(text: str) -> str:
    """Hexadecimal digits that a SHA-256 may begin with: none would let any file pass."""
    if not re.fullmatch("[0-9a-fA-F]{1,64}", text):
        raise argparse.ArgumentTypeError(f"must be 1 to 64 hexadecimal digits, got {shown(text)}")
    return text


def expanded_path(text: str) -> Path:
    """A path; `~` is the home folder. An empty one, which would be the current folder, is refused."""
    try:
        return user_path(text)
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def path_ending(*endings: str) -> Callable[[str], Path]:
    """Paths of files to write whose names end so: no file has another content than its name says."""

    def path(text: str) -> Path:
        given = expanded_path(text)
        if given.suffix.lower() not in endings:
            raise argparse.ArgumentTypeError(f"must end in {' or '.join(endings)}, got {shown(text)}")
        return given

    return path


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
        raise argparse.ArgumentTypeError(f"{error}, got {shown(text)}") from error


def _whole_number(smallest: int, largest: int, allowed: str) -> Callable[[str], int]:
    def whole_number(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"must be {allowed}, got {shown(text)}") from None
        if not smallest <= value <= largest:
            limit = f" and at most {_LARGEST}" if value > largest == _LARGEST else ""
            raise argparse.ArgumentTypeError(f"must be {allowed}{limit}, got {shown(text)}")
        return value

    return whole_number


def _number(accepts: Callable[[float], bool], allowed: str) -> Callable[[str], float]:
    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and accepts(value)):
            raise argparse.ArgumentTypeError(f"must be {allowed}, got {shown(text)}")
        return value

    return number
