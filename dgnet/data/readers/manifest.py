"""A CSV manifest: one line per image with the columns path, identity, camera, split."""

import csv
from pathlib import Path
from typing import cast, get_args

from dgnet.core.errors import UserError
from dgnet.core.files import require_text
from dgnet.data.readers.names import UNKNOWN_CAMERA, misplaced, number_identities
from dgnet.data.records import Dataset, Record, Split

COLUMNS = ("path", "identity", "camera", "split")


def find_manifest(root: Path) -> Path | None:
    """`root` itself if it is a .csv file, the only .csv file in the folder `root`, else None."""
    if root.is_file():
        return root if root.suffix.lower() == ".csv" else None
    found = sorted(root.glob("*.csv"))
    return found[0] if len(found) == 1 else None


def is_manifest(root: Path) -> bool:
    """Whether `root` is a .csv file or a folder with exactly one."""
    return find_manifest(root) is not None


def _rows(path: Path) -> list[dict[str, str]]:
    require_text(path)
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise UserError(
                f"{path}: the first line must name the columns {', '.join(COLUMNS)}, and it lacks {', '.join(missing)}"
            )
        rows = []
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            if any(row[column] is None for column in COLUMNS) or not row["path"] or not row["identity"]:
                raise UserError(f"{where}: every image needs {', '.join(COLUMNS)}")
            if row["split"] not in get_args(Split):
                raise UserError(
                    f"{where}: the split must be one of {', '.join(get_args(Split))}, and it is {row['split']!r}"
                )
            if row["camera"] and not row["camera"].isdecimal():
                raise UserError(f"{where}: the camera must be a number or empty, and it is {row['camera']!r}")
            rows.append(row)
    return rows


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
