"""A CSV manifest: one line per image with the columns path and identity, and perhaps camera and split."""

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import cast, get_args

from dgnet.core.csv_files import read_csv
from dgnet.core.errors import UserError
from dgnet.data.readers.contents import PassedOver, entries
from dgnet.data.readers.lists import refuse_two_labels, sorted_once
from dgnet.data.readers.names import misplaced, names_of, number, number_identities
from dgnet.data.records import UNKNOWN_CAMERA, Dataset, Record, Split

REQUIRED = ("path", "identity")
# What pandas and R make of a column of whole numbers in which some are missing, and spreadsheets of long ones (of which
# all digits but three are lost) and of formulas.
NO_IDENTITY = re.compile(
    r"[-+]?[0-9]+\.[0-9]*([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+][0-9]+|nan|NaN|NA|N/A|<NA>|None|NULL|null"
    r"|#(N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!)"
)
# Without a camera it is unknown; without a split every image is for training.
OPTIONAL = ("camera", "split")
# The columns that tell a track, in a gallery of people that were found in films.
TRACK = ("source", "track")
# What other programs and people call these two. A file that has such a column in place of ours is refused: unread, it
# would give images without cameras, and queries to the training.
OTHER_NAMES = {
    "camera": ("camera", "cam", "camid", "cameraid", "camidx", "camname", "cameraname", "camno"),
    "split": ("split", "subset", "set", "partition", "phase", "fold", "usage"),
}


def is_manifest(root: Path) -> bool:
    """Whether `root` is a .csv file, or a folder with exactly one that names the columns of a manifest."""
    return _is_csv(root) or len(_manifests(root)) == 1


def require_manifest(root: Path) -> None:
    """`UserError` that says why the .csv files of a folder are no manifest; none where it has no such file."""
    files, manifests = _csv_files(root), _manifests(root)
    if len(manifests) > 1:
        names = ", ".join(path.name for path in manifests)
        raise UserError(f"{root}: holds several manifests ({names}); one has all splits, in a column split")
    if len(files) == 1:
        _rows(files[0])


def _is_csv(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() == ".csv"


def _csv_files(folder: Path) -> list[Path]:
    return [path for path in entries(folder) if _is_csv(path)]


def _manifests(folder: Path) -> list[Path]:
    """Those .csv files of a folder whose first line names the required columns."""
    manifests = []
    for path in _csv_files(folder):
        with contextlib.suppress(UserError):
            _require_columns(path, read_csv(path)[0])
            manifests.append(path)
    return manifests


def _rows(path: Path) -> list[dict[str, str]]:
    columns, rows = read_csv(path)
    _require_columns(path, columns)
    _refuse_other_names(path, columns)
    return [_checked(row, where) for where, row in rows]


def _require_columns(path: Path, columns: Sequence[str]) -> None:
    missing = [column for column in REQUIRED if column not in columns]
    if missing:
        raise UserError(
            f"{path}: the first line must name the columns {', '.join(REQUIRED)} (and may name {', '.join(OPTIONAL)}); "
            f"{', '.join(missing)} is missing"
        )


def _refuse_other_names(path: Path, columns: Sequence[str]) -> None:
    for name in (name for name in OPTIONAL if name not in columns):
        for column in columns:
            if re.sub(r"[\W_]", "", column).lower() in OTHER_NAMES[name]:
                raise UserError(f"{path}: the column {column!r} is not read; call it {name!r}, or leave it out")


def _checked(row: dict[str, str], where: str) -> dict[str, str]:
    """The row with its optional columns filled in; `where` it is."""
    row = {"camera": "", "split": "train"} | row
    row |= {column: row[column].strip() for column in ("identity", *OPTIONAL)}
    empty = [column for column in REQUIRED if not row[column]]
    if empty:
        raise UserError(f"{where}: {' and '.join(empty)} must not be empty")
    if NO_IDENTITY.fullmatch(row["identity"]):
        raise UserError(
            f"{where}: an identity must be a name or a whole number, got {row['identity']!r}; programs write so "
            "what was a column of numbers with gaps, or of long numbers"
        )
    if row["split"] not in get_args(Split):
        raise UserError(f"{where}: the split must be one of {', '.join(get_args(Split))}, got {row['split']!r}")
    if row["camera"] and number(row["camera"]) is None:
        raise UserError(f"{where}: the camera must be a number or empty, got {row['camera']!r}")
    return row


def read_manifest(root: Path) -> Dataset:
    """Reads the manifest at (or in) `root`. Paths are relative to its folder, an empty camera is unknown (-1).

    Identities may be any text: `number_identities` says which number each gets.
    """
    path = root if _is_csv(root) else next(iter(_manifests(root)), None)
    if path is None:
        raise UserError(f"{root}: must be a manifest (.csv) or a folder with exactly one")
    rows = _rows(path)
    refuse_two_labels(path, "identity", ((row["path"], row["identity"]) for row in rows))
    # A query that is in the gallery, too, would be a match by another camera.
    cameras = (str(int(row["camera"])) if row["camera"] else "unknown" for row in rows)
    refuse_two_labels(path, "camera", zip((row["path"] for row in rows), cameras, strict=True))
    gallery_only = {row["identity"] for row in rows if row["split"] == "gallery"}
    asked_for = {row["identity"] for row in rows if row["split"] != "gallery"}
    numbers = number_identities(path, asked_for, gallery_only)
    splits: dict[str, list[Record]] = {split: [] for split in get_args(Split)}
    skipped: PassedOver = []
    for row in rows:
        split, image = cast(Split, row["split"]), path.parent / row["path"]
        if reason := misplaced(numbers[row["identity"]], split):
            skipped.append((image, reason))
            continue
        camera = int(row["camera"]) if row["camera"] else UNKNOWN_CAMERA
        splits[split].append(Record(image, numbers[row["identity"]], camera, split))
    ordered = {split: sorted_once(records, skipped) for split, records in splits.items()}
    # tools/find_people.py numbers people by the tracks in its films.
    tracks = len({tuple(row[column] for column in TRACK) for row in rows if row.keys() >= set(TRACK)})
    return Dataset(path.stem, path.parent, skipped=tuple(skipped), names=names_of(numbers), tracks=tracks, **ordered)
