"""Whether a generated set is what its manifest says: every image is read again."""

import csv
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgnet.checkpoint import file_hash
from dgnet.data.cache import decode, default_workers
from dgnet.data.readers.generated import MANIFEST
from dgnet.data.readers.names import is_image
from dgnet.errors import UserError
from dgnet.sets.naming import IMAGES

RECIPE, PROGRESS = "set.json", ".progress"


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
    except (ValueError, TypeError, LookupError) as error:
        raise UserError(f"{path}: not the recipe of a generated set") from error
    return dict(recipe)


def read_plan(folder: Path) -> list[dict[str, str]]:
    """The rows of `.progress/plan.csv`. `UserError` where the set was copied without it."""
    path = folder / PROGRESS / "plan.csv"
    if not path.is_file():
        raise UserError(f"{folder} cannot be resumed or extended: {PROGRESS}/plan.csv is missing")
    return _rows(path)


def verify(folder: Path) -> Verified:
    """Read and hash every image of the manifest again, and look for images that are not in it."""
    recipe = read_recipe(folder)
    rows = _rows(folder / MANIFEST) if (folder / MANIFEST).is_file() else []
    size = (recipe["image"]["height"], recipe["image"]["width"])
    files = {row["path"]: row["sha256"] for row in rows}
    problems = file_problems(folder, files, size)
    there = {path.relative_to(folder).as_posix() for path in (folder / IMAGES).rglob("*") if is_image(path)}
    problems += [f"{folder / name}: not in the manifest" for name in sorted(there - set(files))]
    plan = folder / PROGRESS / "plan.csv"
    return Verified(len(rows), len(_rows(plan)) if plan.is_file() else None, tuple(problems))


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
            found = decode(path).shape[:2]
        except UserError as error:
            return str(error)
        return None if found == size else f"{path}: {found[0]}x{found[1]}, the set is of {size[0]}x{size[1]}"

    with ThreadPoolExecutor(default_workers()) as pool:
        return [sentence for sentence in pool.map(problem, files) if sentence is not None]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
