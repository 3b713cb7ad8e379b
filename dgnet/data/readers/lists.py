"""What data sets of list files share: an image that a list names twice."""

import os
from collections.abc import Iterable
from pathlib import Path

from dgnet.core.errors import UserError
from dgnet.data.readers.contents import PassedOver
from dgnet.data.records import Record


def refuse_two_identities(source: Path, entries: Iterable[tuple[str, str]]) -> None:
    """`UserError` where an image, whose path and identity the entries name, is of two people, however it is written."""
    known: dict[str, str] = {}
    for image, identity in entries:
        first = known.setdefault(os.path.normpath(image), identity)
        if first != identity:
            raise UserError(f"{source}: {image} is listed as identity {first} and as {identity}")


def sorted_once(records: Iterable[Record], passed_over: PassedOver) -> tuple[Record, ...]:
    """The records of one split by their paths, each image once: twice it would count twice in every figure."""
    images: dict[str, Record] = {}
    for record in records:
        # One file may be written in several ways: b/../a.jpg is a.jpg.
        place = os.path.normpath(record.path)
        if place in images:
            passed_over.append((record.path, f"listed again in the {record.split} split"))
        images.setdefault(place, record)
    return tuple(sorted(images.values(), key=lambda record: record.path))
