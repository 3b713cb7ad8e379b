"""What data sets of list files share: an image that a list names twice."""

import os
from collections.abc import Iterable
from pathlib import Path

from dgnet.core.errors import UserError
from dgnet.data.readers.contents import PassedOver
from dgnet.data.records import Record


def refuse_two_labels(source: Path, kind: str, entries: Iterable[tuple[str, str]]) -> None:
    """`UserError` where an image has two labels of a kind ("identity", "camera"), however its path is written.

    Args:
        entries: paths of images, each with a label.
    """
    known: dict[str, str] = {}
    for image, label in entries:
        first = known.setdefault(os.path.normpath(image), label)
        if first != label:
            raise UserError(f"{source}: {image} is listed with the {kind} {first} and with {label}")


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
