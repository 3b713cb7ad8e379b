"""Generated images in a folder or a CSV file, of ours or of another program, with the identities of their sources."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dgnet.core.csv_files import read_csv
from dgnet.core.errors import UserError
from dgnet.core.images import files_below, is_image_name

MANIFEST = "manifest.csv"
# The identity is the first number of the name, or of the folder: 0002_c1s1_000451_03.jpg, 0002/7.png.
NAME_PATTERN = r"^(?P<identity>\d+)"
# Columns of a manifest by which images can be kept or dropped: the more the better.
SCORES = ("identity_consistency", "diversity", "realism", "sharpness")


@dataclass(frozen=True, slots=True)
class GeneratedRecord:
    """One generated image; identities are the data set's own numbers, None where unknown.

    `appearance` is who lent the clothes (for other generators than DG-Net: who the image is meant to show), `structure`
    who lent pose, body and place. `scores` are those of `SCORES` that a manifest tells of it (`dgnet.generation`).
    """

    path: Path
    appearance: int | None
    structure: int | None = None
    scores: Mapping[str, float] = field(default_factory=dict, hash=False)


def read_generated(place: Path, name_pattern: str = NAME_PATTERN) -> tuple[GeneratedRecord, ...]:
    """The generated images at `place`, sorted by path.

    `place` is a .csv file, a folder with a `manifest.csv`, or any other folder of images.

    - A CSV has the columns `path` (relative to its folder) and `appearance_identity` (or `identity`), maybe
      `structure_identity` and columns of `SCORES`; an empty cell is unknown, other columns are not read.
    - In a folder, `name_pattern` is searched in every image's path below it, written with `/`. Its group `identity`
      (or `appearance`) is the appearance's identity, its group `structure` the structure's. A pattern that does not
      match leaves both unknown.

    Raises:
        UserError: nothing is there, a column is missing, an identity is no whole number, an image of a CSV is missing,
            or a pattern is none.
    """
    if place.is_dir() and (place / MANIFEST).is_file():
        place = place / MANIFEST
    if place.is_file() and place.suffix.lower() == ".csv":
        records = _of_csv(place)
    elif place.is_dir():
        records = _of_folder(place, name_pattern)
    else:
        raise UserError(f"{place}: no generated images; looked for a folder of images or a .csv file")
    if not records:
        raise UserError(f"{place}: no generated image in it")
    return tuple(sorted(records, key=lambda record: record.path))


def source_identities(place: Path) -> dict[str, int]:
    """The images that a set of ours was generated from, by their paths below the data set's folder -> their identities.

    Nothing for images of other programs, whose lists do not name the sources. `UserError` as `read_generated`.
    """
    place = place / MANIFEST if place.is_dir() else place
    if not place.is_file() or place.suffix.lower() != ".csv":
        return {}
    identities: dict[str, int] = {}
    for where, row in read_csv(place)[1]:
        for role in ("appearance", "structure"):
            identity = _identity(row.get(f"{role}_identity"), where)
            if row.get(role) and identity is not None:
                identities[row[role]] = identity
    return identities


def _of_csv(path: Path) -> list[GeneratedRecord]:
    columns, rows = read_csv(path)
    appearance = next((name for name in ("appearance_identity", "identity") if name in columns), None)
    if "path" not in columns or appearance is None:
        raise UserError(
            f"{path}: the first line must name the columns path and appearance_identity (or identity), "
            f"it names {', '.join(columns) or 'none'}"
        )
    records = []
    for where, row in rows:
        image = path.parent / row["path"]
        if not row["path"] or not image.is_file():
            raise UserError(f"{where}: no image at {row['path']!r}")
        records.append(
            GeneratedRecord(
                image,
                _identity(row[appearance], where),
                _identity(row.get("structure_identity"), where),
                _scores(row, where),
            )
        )
    return records


def _of_folder(folder: Path, pattern: str) -> list[GeneratedRecord]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UserError(f"{pattern!r} is no regular expression ({error})") from error
    unknown = sorted(set(compiled.groupindex) - {"identity", "appearance", "structure"})
    if unknown or not compiled.groupindex:
        raise UserError(f"{pattern!r} must name groups identity or structure, as in {NAME_PATTERN!r}")
    records = []
    for path in (path for path in files_below(folder) if is_image_name(path.name)):
        name = path.relative_to(folder).as_posix()
        match = compiled.search(name)
        groups = match.groupdict() if match else {}
        where = f"{path}, matched by {pattern!r}"
        appearance = _identity(groups.get("identity", groups.get("appearance")), where)
        records.append(GeneratedRecord(path, appearance, _identity(groups.get("structure"), where)))
    return records


def _identity(text: str | None, where: str) -> int | None:
    if not text:
        return None
    # int() would take 1_5 for 15, and arrays have no room for more digits.
    if not re.fullmatch(r"\s*-?[0-9]{1,18}\s*", text):
        raise UserError(
            f"{where}: an identity must be a whole number of at most 18 digits, or empty, and it is {text!r}"
        )
    return int(text)


def _scores(row: Mapping[str, str], where: str) -> dict[str, float]:
    cells = {name: text for name in SCORES if (text := row.get(name))}
    try:
        # float() would take 1_5 for 15.
        scores = {name: float(text.replace("_", "?")) for name, text in cells.items()}
    except ValueError as error:
        raise UserError(f"{where}: a score must be a number or empty, got {cells}") from error
    if not all(math.isfinite(score) for score in scores.values()):
        raise UserError(f"{where}: a score must be finite, got {cells}")
    return scores
