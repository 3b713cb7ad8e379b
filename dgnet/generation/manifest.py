"""The text files of a generated set: `set.json`, `manifest.csv` and what lies in `.progress`."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from dgnet.core.errors import UserError
from dgnet.core.files import replace_text
from dgnet.core.json_files import parse_json
from dgnet.core.old_files import current_recipe
from dgnet.data.readers.generated import MANIFEST

RECIPE, PROGRESS = "set.json", ".progress"
PLAN = f"{PROGRESS}/plan.csv"
PLAN_COLUMNS = ("appearance", "structure", "file")
# Of the audit for copies: the nearest training image below the data set's folder, its distance (0..2), 1 or 0.
AUDIT_COLUMNS = ("nearest_training", "training_distance", "suspected_copy")


class PlannedImage(NamedTuple):
    """An image of the plan: its two sources below the data set's folder, and its file below the set's."""

    appearance: str
    structure: str
    file: str


@dataclass(frozen=True)
class FinishedImage:
    """An image that is written: its position in the plan, the hash of its file and its scores.

    `soft_label` names identities with their probabilities, the likeliest first ("2:0.91 14:0.05"); a score that is not
    known is None.
    """

    position: int
    sha256: str
    soft_label: str = ""
    identity_consistency: float | None = None
    realism: float | None = None
    sharpness: float | None = None


def read_recipe(folder: Path) -> dict[str, Any]:
    """`set.json`. `UserError` where it is missing or something else."""
    path = folder / RECIPE
    if not path.is_file():
        raise UserError(f"{folder} holds no generated set ({RECIPE} is missing)")
    try:
        recipe = current_recipe(parse_json(path.read_text(encoding="utf-8")))
        recipe["image"]["height"], recipe["image"]["width"], recipe["plans"][0]
        recipe["generator"], recipe["labels"], recipe["data"]
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise UserError(f"{path}: not the recipe of a generated set") from error
    return recipe


def read_plan(folder: Path) -> list[PlannedImage]:
    """The plan. `UserError` where the set was copied without it, or it is damaged."""
    path = folder / PLAN
    if not path.is_file():
        raise UserError(f"{folder} cannot be resumed or extended: {PLAN} is missing")
    return [PlannedImage(*(row[column] for column in PLAN_COLUMNS)) for row in _read_rows(path, PLAN_COLUMNS)]


def write_plan_and_recipe(folder: Path, plan: Sequence[PlannedImage], recipe: Mapping[str, Any]) -> None:
    """Both files, whole; `UserError` where they cannot be written."""
    try:
        (folder / PROGRESS).mkdir(parents=True, exist_ok=True)
        # The plan first: a set without a recipe is no set yet.
        replace_text(folder / PLAN, _csv(PLAN_COLUMNS, [image._asdict() for image in plan]))
        replace_text(folder / RECIPE, json.dumps(recipe, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise UserError(f"{folder}: cannot be written to ({error.strerror or error})") from error


def read_hashes(folder: Path) -> dict[str, str]:
    """File -> SHA-256 of the images in the manifest, if there is one. `UserError` for a damaged one."""
    if not (folder / MANIFEST).is_file():
        return {}
    return {row["path"]: row["sha256"] for row in _read_rows(folder / MANIFEST, ("path", "sha256"))}


def read_sources(folder: Path) -> dict[str, tuple[str, str]]:
    """File -> the names of its appearance and its structure, of every image of the manifest.

    `UserError` where the manifest is missing, empty or damaged.
    """
    if not (folder / MANIFEST).is_file():
        raise UserError(f"{folder / MANIFEST} is missing: the set has no image yet")
    rows = _read_rows(folder / MANIFEST, ("path", "sha256", "appearance", "structure"))
    if not rows:
        raise UserError(f"{folder / MANIFEST} is damaged: it names no image")
    return {row["path"]: (row["appearance"], row["structure"]) for row in rows}


def read_audit(folder: Path) -> dict[tuple[str, str], dict[str, str]]:
    """(file, SHA-256) -> the audit columns of the manifest's images that have them. `UserError` for a damaged one."""
    if not (folder / MANIFEST).is_file():
        return {}
    rows = _read_rows(folder / MANIFEST, ("path", "sha256"))
    audited = [row for row in rows if row.get(AUDIT_COLUMNS[0])]
    return {(row["path"], row["sha256"]): {name: row[name] for name in AUDIT_COLUMNS} for row in audited}


def write_audit(folder: Path, audit: Mapping[str, tuple[str, float, bool]]) -> None:
    """Give the images of the manifest their audit columns: file -> nearest training image, distance, suspected or not.

    `UserError` where an image of the manifest has none.
    """
    rows = _read_rows(folder / MANIFEST, ("path", "sha256"))
    for row in rows:
        if row["path"] not in audit:
            raise UserError(f"{folder / MANIFEST}: {row['path']} was not audited")
        nearest, distance, suspected = audit[row["path"]]
        row |= dict(zip(AUDIT_COLUMNS, (nearest, f"{distance:.6f}", str(int(suspected))), strict=True))
    write_rows(folder, rows)


def write_rows(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """The manifest, whole; nothing for no rows."""
    if rows:
        replace_text(folder / MANIFEST, _csv(list(rows[0]), rows))


def read_finished(folder: Path, planned: int) -> dict[int, FinishedImage]:
    """The finished images by position; a line that a crash cut off is left out.

    Raises:
        UserError: an image is none of the `planned` ones.
    """
    finished: dict[int, FinishedImage] = {}
    for path in sorted((folder / PROGRESS).glob("done-*.jsonl")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                image = FinishedImage(**parse_json(line))
            except (ValueError, TypeError):
                continue
            if image.position not in range(planned):
                raise UserError(
                    f"{path} is of another plan: it has the image {image.position!r}, and {PLAN} has {planned} images, "
                    "from 0"
                )
            finished[image.position] = image
    return finished


@contextmanager
def finished_log(folder: Path, rank: int) -> Iterator[TextIO]:
    """The file of a process's finished images, open for more lines; a line that a crash cut off is ended first."""
    path = folder / PROGRESS / f"done-{rank}.jsonl"
    try:
        with path.open("a", encoding="utf-8") as log:
            if path.stat().st_size:
                log.write("\n")
            yield log
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error}); complete files are kept") from error


def finished_line(image: FinishedImage) -> str:
    """The image as a line of the log."""
    return json.dumps(asdict(image)) + "\n"


def _read_rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
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


def _csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
