"""A CSV manifest: one line per image with the columns path and identity, and perhaps camera and split."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import cast, get_args

from dgnet.core.errors import UserError
from dgnet.core.files import require_text
from dgnet.data.readers.names import UNKNOWN_CAMERA, misplaced, number_identities
from dgnet.data.records import Dataset, Record, Split

REQUIRED = ("path", "identity")
# Without a camera it is unknown; without a split every image is for training.
OPTIONAL = ("camera", "split")


def find_manifest(root: Path) -> Path | None:
    """`root` itself if it is a .csv file, the only .csv file in the folder `root`, else None."""
    if root.is_file():
        return root if root.suffix.lower() == ".csv" else None
    files = sorted(root.glob("*.csv"))
    return files[0] if len(files) == 1 else None


def is_manifest(root: Path) -> bool:
    """Whether `root` is a .csv file or a folder with exactly one."""
    return find_manifest(root) is not None


def _rows(path: Path) -> list[dict[str, str]]:
    require_text(path)
    rows = []
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, restval="")
        try:
            _require_columns(path, reader.fieldnames or ())
            for row in reader:
                rows.append(_checked(row, f"{path}, line {reader.line_num}"))
        except csv.Error as error:
            line = reader.line_num + 1
            raise UserError(f"{path}, line {line}: not readable as CSV ({error}); is a quote not closed?") from error
    return rows


def _require_columns(path: Path, names: Sequence[str]) -> None:
    missing = [column for column in REQUIRED if column not in names]
    if not missing:
        return
    header = "".join(names)
    for separator, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(names) == 1 and set(REQUIRED) <= {name.strip() for name in header.split(separator)}:
            raise UserError(f"{path}: its columns must be separated by commas, they are by {word}")
    raise UserError(
        f"{path}: the first line must name the columns {', '.join(REQUIRED)} (and may name {', '.join(OPTIONAL)}); "
        f"{', '.join(missing)} is missing"
    )


def _checked(row: dict[str, str], where: str) -> dict[str, str]:
    """The row with its optional columns filled in; `where` it is."""
    if None in row:
        raise UserError(f"{where}: more values than columns; quote a path that has a comma in it")
    row = {"camera": "", "split": "train"} | row
    empty = [column for column in REQUIRED if not row[column]]
    if empty:
        raise UserError(f"{where}: {' and '.join(empty)} must not be empty")
    if row["split"] not in get_args(Split):
        raise UserError(f"{where}: the split must be one of {', '.join(get_args(Split))}, got {row['split']!r}")
    if row["camera"] and not (row["camera"].isascii() and row["camera"].isdecimal()):
        raise UserError(f"{where}: the camera must be a number or empty, got {row['camera']!r}")
    return row


def read_manifest(root: Path) -> Dataset:
    """Reads the manifest at (or in) `root`. Paths are relative to its folder, an empty camera is unknown (-1).

    Identities may be any text: `number_identities` says which number each gets.
    """
    path = find_manifest(root)
    if path is None:
        raise UserError(f"{root}: must be a .csv file or a folder with exactly one")
    rows = _rows(path)
    gallery_only = {row["identity"] for row in rows if row["split"] == "gallery"}
    asked_for = {row["identity"] for row in rows if row["split"] != "gallery"}
    numbers = number_identities(asked_for, gallery_only)
    splits: dict[str, list[Record]] = {split: [] for split in get_args(Split)}
    skipped = []
    for row in rows:
        split, image = cast(Split, row["split"]), path.parent / row["path"]
        if reason := misplaced(numbers[row["identity"]], split):
            skipped.append((image, reason))
            continue
        camera = int(row["camera"]) if row["camera"] else UNKNOWN_CAMERA
        splits[split].append(Record(image, numbers[row["identity"]], camera, split))
    ordered = {split: tuple(sorted(records, key=lambda record: record.path)) for split, records in splits.items()}
    return Dataset(path.stem, path.parent, skipped=tuple(skipped), **ordered)
