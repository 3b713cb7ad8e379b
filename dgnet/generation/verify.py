"""Whether a generated set is what its manifest says: every image is read again."""

import csv
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgnet.core.checkpoint import file_hash
from dgnet.core.errors import UserError
from dgnet.core.images import read_image
from dgnet.core.machine import usable_cores
from dgnet.data.readers.generated import MANIFEST
from dgnet.data.readers.names import is_image
from dgnet.generation.paths import IMAGES

RECIPE, PROGRESS = "set.json", ".progress"
PLAN_COLUMNS = ("appearance", "structure", "file")


@dataclass(frozen=True)
class Verified:
    """Images in the manifest, pairs in the plan (None where the set was copied without it), and what is wrong."""

    images: int
    planned: int | None
    problems: tuple[str, ...]


def read_recipe(folder: Path) -> dict[str, Any]:
    """`set.json`. `UserError` where there is none or it is none."""
    path = folder / RECIPE
    if not path.is_file():
        raise UserError(f"{folder} holds no generated set ({RECIPE} is missing)")
    try:
        recipe = json.loads(path.read_text(encoding="utf-8"))
        recipe["image"]["height"], recipe["image"]["width"], recipe["plans"][0]
        recipe["generator"], recipe["labels"], recipe["data"]
    except (ValueError, TypeError, LookupError) as error:
        raise UserError(f"{path}: not the recipe of a generated set") from error
    return dict(recipe)


def read_plan(folder: Path) -> list[dict[str, str]]:
    """The rows of `.progress/plan.csv`. `UserError` where the set was copied without it, or it is damaged."""
    path = folder / PROGRESS / "plan.csv"
    if not path.is_file():
        raise UserError(f"{folder} cannot be resumed or extended: {PROGRESS}/plan.csv is missing")
    return _rows(path, PLAN_COLUMNS)


def verify(folder: Path) -> Verified:
    """Read and hash every image of the manifest again, and look for images that are not in it."""
    recipe = read_recipe(folder)
    rows = _rows(folder / MANIFEST, ("path", "sha256")) if (folder / MANIFEST).is_file() else []
    size = (recipe["image"]["height"], recipe["image"]["width"])
    files = {row["path"]: row["sha256"] for row in rows}
    problems = file_problems(folder, files, size)
    there = {path.relative_to(folder).as_posix() for path in (folder / IMAGES).rglob("*") if is_image(path)}
    problems += [f"{folder / name}: not in the manifest" for name in sorted(there - set(files))]
    planned = len(read_plan(folder)) if (folder / PROGRESS / "plan.csv").is_file() else None
    return Verified(len(rows), planned, tuple(problems))


def file_problems(folder: Path, files: Mapping[str, str], size: tuple[int, int] | None = None) -> list[str]:
    """A sentence for each file that is missing, has another SHA-256 than `files` says, or is no image of `size`."""

    def problem(name: str) -> str | None:
        path = folder / name
        if not path.is_file():
            return f"{path}: missing"
        if file_hash(path) != files[name]:
            return f"{path}: changed since it was written"
        if size is None:
            return None
        try:
            found = tuple(read_image(path).shape[1:])
        except UserError as error:
            return str(error)
        return None if found == size else f"{path}: {found[0]}x{found[1]}, the set is of {size[0]}x{size[1]}"

    with ThreadPoolExecutor(usable_cores()) as pool:
        return [sentence for sentence in pool.map(problem, files) if sentence is not None]


def _rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a CSV file. `UserError` unless each has something in all of these columns."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            present, rows = reader.fieldnames or (), list(reader)
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{path} is damaged: not readable as CSV ({error})") from error
    missing = [column for column in columns if column not in present]
    if missing:
        raise UserError(f"{path} is damaged: its first line must name {', '.join(columns)}, it lacks {missing[0]}")
    for number, row in enumerate(rows, 1):
        empty = [column for column in columns if not row[column]]
        if empty:
            raise UserError(f"{path} is damaged: row {number} has no {empty[0]}")
    return rows
