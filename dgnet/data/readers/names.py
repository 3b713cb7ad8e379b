"""What the names of files and folders say: identities, cameras, and the numbers that identities get."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from unicodedata import normalize

from dgnet.core.errors import UserError
from dgnet.data.records import DISTRACTOR, JUNK, UNKNOWN_CAMERA, Record, Split

# Identities and cameras are int64 in every array; offsets are added to some.
_MOST_DIGITS = 18
_NUMBER = re.compile(rf"[0-9]{{1,{_MOST_DIGITS}}}")

# identity_cCAMERA: 0002_c1s1_000451_03.jpg, -1_c3s2_000762_00.jpg, 0005_c10_f0046985.jpg, 0003_c1_7.png.
_MARKET = re.compile(rf"(-1|{_NUMBER.pattern})_c({_NUMBER.pattern})(?![0-9])")
# identity_number_CAMERA_day: 0000_000_01_0303morning_0015_0.jpg.
_MSMT17 = re.compile(rf"[0-9]+_[0-9]+_({_NUMBER.pattern})_[0-9]+[a-z]+_")


def number(text: str) -> int | None:
    """The number, 0 or more and of at most 18 digits, that a text is; None if it is none."""
    return int(text) if _NUMBER.fullmatch(text) else None


def market_name(name: str) -> tuple[int, int] | None:
    """(identity, camera) of a Market-1501, DukeMTMC-reID, CUHK03-NP or VeRi-776 file name; None if it is not one."""
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


def is_junk(name: str) -> bool:
    """Whether a folder or an entry of this name holds junk: "-1" in Market-1501, "00-1" in MARS."""
    return re.fullmatch("0*-1", name) is not None


def number_identities(source: Path, asked_for: Iterable[str], gallery_only: Iterable[str] = ()) -> dict[str, int]:
    """Numbers for identities that are written as text.

    `asked_for` are those of the training and query splits. If all are different positive numbers, and so are those of
    the gallery except for -1 (junk) and 0 (distractor), each keeps its own number; otherwise they count 1, 2, ... in
    sorted order, as they do if one has more than 18 digits. "-1" is always junk, and beside junk 0 always a distractor.
    Accents that systems write in two ways are one name.

    `UserError` names `source` where one number or name is written in two ways.
    """
    asked, written = set(asked_for), {*asked_for, *gallery_only}
    junk = {name for name in written if is_junk(name)}
    zeros = {name for name in written if number(name) == DISTRACTOR} if junk else set()
    people = {normalize("NFC", name) for name in asked - junk - zeros}
    everyone = sorted({normalize("NFC", name) for name in written - junk - zeros})
    own = {name: number(name) for name in everyone}
    refuse_two_spellings(source, everyone)
    if None in own.values() or DISTRACTOR in (own[name] for name in people):
        own = {name: position for position, name in enumerate(everyone, start=1)}
    numbers = {name: value for name, value in own.items() if value is not None}
    return {
        str(JUNK): JUNK,
        **dict.fromkeys(sorted(junk), JUNK),
        **dict.fromkeys(sorted(zeros), DISTRACTOR),
        **{name: numbers[normalize("NFC", name)] for name in sorted(written - junk - zeros)},
    }


def refuse_two_spellings(source: Path, names: Iterable[str]) -> None:
    """`UserError` where two of these names are one number, or differ in case, spaces or the width of letters alone:
    nothing tells whether "2" and "0002", or "Ann Lee" and "ann  lee", are one person.
    """
    known: dict[int | str, str] = {}
    for name in names:
        plain = " ".join(normalize("NFKC", name).lower().split())
        value = number(plain)
        first = known.setdefault(plain if value is None else value, name)
        if first != name:
            raise UserError(
                f"{source}: identity {plain if value is None else value} is written {first!r} and {name!r}; write it "
                "in one way, and two people by names that differ in more than zeros, case and spaces"
            )


def names_of(numbers: Mapping[str, int]) -> tuple[tuple[int, str], ...]:
    """`Dataset.names` of what `number_identities` returned."""
    people = {value: normalize("NFC", name) for name, value in numbers.items() if value not in (JUNK, DISTRACTOR)}
    return tuple((value, name) for value, name in sorted(people.items()) if name != str(value))


def misplaced(identity: int, split: Split) -> str | None:
    """Why an image of `identity` cannot be in `split`, None if it can: junk and distractors belong in the gallery."""
    if identity not in (JUNK, DISTRACTOR) or split not in ("train", "query"):
        return None
    return f"junk (-1) and distractors (0) have no place in the {split} split"


def of_the_queries(multi_query: Iterable[Record], query: Iterable[Record]) -> tuple[Record, ...]:
    """The images of `multi_query` with the identity and the camera of some query; the others are never used."""
    wanted = {(record.identity, record.camera) for record in query}
    return tuple(record for record in multi_query if (record.identity, record.camera) in wanted)
