"""What the readers share: which files are images, what a file name says, how identities get their numbers."""

import re
from collections.abc import Iterable
from pathlib import Path

from dgnet.data.records import DISTRACTOR, JUNK, Record, Split

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
UNKNOWN_CAMERA = -1

# identity_cCAMERA: 0002_c1s1_000451_03.jpg, -1_c3s2_000762_00.jpg, 0005_c10_f0046985.jpg, 0003_c1_7.png.
_MARKET = re.compile(r"(-?\d+)_c(\d+)")
# identity_number_CAMERA_day: 0000_000_01_0303morning_0015_0.jpg.
_MSMT17 = re.compile(r"\d+_\d+_(\d+)_\d+[a-z]+_")


def is_image(path: Path) -> bool:
    """By the suffix, whatever its case; hidden files (such as the `._` files of macOS archives) are none."""
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def images_in(folder: Path) -> list[Path]:
    """The images directly in `folder`, sorted; none if there is no such folder."""
    return sorted(path for path in folder.iterdir() if is_image(path)) if folder.is_dir() else []


def folders_in(folder: Path) -> list[Path]:
    """The visible folders directly in `folder`, sorted; none if there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def market_name(name: str) -> tuple[int, int] | None:
    """(identity, camera) of a Market-1501, DukeMTMC-reID or CUHK03-NP file name; None if it is not one."""
    match = _MARKET.match(name)
    return (int(match[1]), int(match[2])) if match else None


def msmt17_camera(name: str) -> int | None:
    """The camera of an MSMT17 file name; None if it is not one."""
    match = _MSMT17.match(name)
    return int(match[1]) if match else None


def camera_of(name: str) -> int:
    """The camera that a file name tells in either convention, else `UNKNOWN_CAMERA`."""
    market = market_name(name)
    camera = market[1] if market else msmt17_camera(name)
    return UNKNOWN_CAMERA if camera is None else camera


def number_identities(asked_for: Iterable[str], gallery_only: Iterable[str] = ()) -> dict[str, int]:
    """Numbers for identities that are written as text.

    `asked_for` are those of the training and query splits. If all are different positive numbers, and so are those of
    the gallery except for -1 (junk) and 0 (distractor), each keeps its own number; otherwise they count 1, 2, ... in
    sorted order. "-1" is always junk.
    """
    people = sorted(set(asked_for) - {str(JUNK)})
    everyone = sorted({*people, *gallery_only} - {str(JUNK)})
    numbers = {str(JUNK): JUNK}
    own = all(name.isdecimal() for name in everyone)
    own = own and all(int(name) != DISTRACTOR for name in people) and len(set(map(int, everyone))) == len(everyone)
    for position, name in enumerate(everyone, start=1):
        numbers[name] = int(name) if own else position
    return numbers


def misplaced(identity: int, split: Split) -> str | None:
    """Why an image of `identity` cannot be in `split`, None if it can: junk and distractors belong in the gallery."""
    if identity not in (JUNK, DISTRACTOR) or split not in ("train", "query"):
        return None
    return f"junk (-1) and distractors (0) have no place in the {split} split"


def of_the_queries(multi_query: Iterable[Record], query: Iterable[Record]) -> tuple[Record, ...]:
    """The images of `multi_query` with the identity and the camera of some query; the others are never used."""
    wanted = {(record.identity, record.camera) for record in query}
    return tuple(record for record in multi_query if (record.identity, record.camera) in wanted)
