"""The lines of a text file of boxes as cells, and the numbers in them; what is wrong is named with its line."""

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from dgnet.core.errors import UserError

# Beyond this not every whole number is a number of floating point.
_LARGEST = 2**53


def read_cells(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The number and the cells of each line that is not empty."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            head = next((line for line in file if line.strip()), "")
            file.seek(0)
            by_spaces = (line.split() for line in file)
            reader: Iterator[list[str]] = csv.reader(file, skipinitialspace=True) if "," in head else by_spaces
            for number, cells in enumerate(reader, 1):
                # A comma at the end of every line is no further value.
                cells = cells[:-1] if len(cells) > 1 and not cells[-1].strip() else cells
                if any(cell.strip() for cell in cells):
                    yield number, cells
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: must be a text file of boxes in UTF-8, it is none") from error


def is_number(text: str) -> bool:
    """Whether a cell is a number of any kind, infinite ones and NaN too."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def number_in(text: str, where: str, name: str) -> float:
    """The finite number in a cell. `UserError` with `where` (file and line) and `name` for anything else."""
    # float() would take 1_5 for 15.
    if not is_number(text) or "_" in text:
        raise UserError(f"{where}: the {name} must be a number, got {text.strip()!r}")
    value = float(text)
    if not math.isfinite(value):
        raise UserError(f"{where}: the {name} must be a finite number, got {text.strip()!r}")
    return value


def whole_number_in(text: str, where: str, name: str, least: int) -> int:
    """The whole number of at least `least` in a cell. `UserError` likewise."""
    value = number_in(text, where, name)
    if value != int(value) or not least <= value <= _LARGEST:
        raise UserError(f"{where}: the {name} must be a whole number of at least {least}, got {text.strip()!r}")
    return int(value)


def box_in(cells: Sequence[str], names: Sequence[str], where: str) -> list[float]:
    """The finite numbers in cells of these names."""
    return [number_in(cell, where, name) for cell, name in zip(cells, names, strict=True)]
