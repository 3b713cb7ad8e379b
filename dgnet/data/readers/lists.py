"""What data sets of list files share: an image that a list names twice."""

from collections.abc import Iterable
from pathlib import Path

from dgnet.core.errors import UserError
from dgnet.data.readers.contents import PassedOver
from dgnet.data.records import Record


def refuse_two_identities(source: Path, entries: Iterable[tuple[str, str]]) -> None:
    """`UserError` where an image, whose path and identity the entries name, is of two people."""
    known: dict[str, str] = {}
    for image, identity in entries:
        if known.setdefault(image, identity) != identity:
            raise UserError(f"{source}: {image} is listed as identity {known[image]} and as {identity}")


def sorted_once(records: Iterable[Record], passed_over: PassedOver) -> tuple[Record, ...]:
    """The records of one split by their paths, each image once: twice it would count twice in every figure."""
    images: dict[Path, Record] = {}
    for record in records:
        if record.path in images:
            passed_over.append((record.path, f"listed again in the {record.split} split"))
        images.setdefault(record.path, record)
    return tuple(images[path] for path in sorted(images))
