"""Images that are in a data set twice, under two names: found by the content of their files."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dgnet.core.content import content_hashes
from dgnet.core.folder_names import one_line
from dgnet.data.records import JUNK, Dataset, Record

_log = logging.getLogger(__name__)


def copies_in(records: Sequence[Record]) -> list[list[Record]]:
    """The records whose files have one content, each such content as one list of two or more, in the order given.

    Only files of one size are read. `UserError` for one that cannot be; missing ones are passed over.
    """
    by_size: dict[int, list[Record]] = defaultdict(list)
    for record in records:
        if record.path.is_file():
            by_size[record.path.stat().st_size].append(record)
    same_size = [record for group in by_size.values() if len(group) > 1 for record in group]
    by_content: dict[str, list[Record]] = defaultdict(list)
    for record, digits in zip(same_size, content_hashes([record.path for record in same_size]), strict=True):
        by_content[digits].append(record)
    return [group for group in by_content.values() if len(group) > 1]


def copied_queries(dataset: Dataset) -> list[tuple[Path, Path]]:
    """Queries that are in the gallery as well, under another camera and so as their own match: (query, first copy)."""
    copies: list[tuple[Path, Path]] = []
    for group in copies_in((*dataset.query, *dataset.gallery)):
        first: dict[tuple[int, int], Path] = {}
        for copy in group:
            if copy.split == "gallery":
                first.setdefault((copy.identity, copy.camera), copy.path)
        for query in (record for record in group if record.split == "query"):
            others = (path for key, path in first.items() if key[0] == query.identity and key[1] != query.camera)
            copies += [(query.path, path) for path in [next(others, None)] if path is not None]
    return copies


def warn_of_copies(dataset: Dataset) -> None:
    """A warning where test images are there twice: queries with a copy in the gallery under another camera, the easiest
    of matches, and images of two identities."""
    if message := describe_copies_of_two_people(replace(dataset, train=())):
        _log.warning("warning: %s", message)
    if copies := copied_queries(dataset):
        first, copy = copies[0]
        _log.warning(
            "warning: %d of %d queries have a copy in the gallery, the same file under another camera, which "
            "counts as a match (%s is %s): the figures are too high",
            len(copies),
            len(dataset.query),
            one_line(str(copy)),
            one_line(str(first)),
        )


def describe_copies_of_two_people(dataset: Dataset) -> str:
    """That images are there twice, as two people, in a sentence; empty where none is."""
    copies = copies_of_two_people(dataset)
    if not copies:
        return ""
    first, other = copies[0]
    return one_line(
        f"{len(copies)} images are copies of images of another identity, and one of both labels is wrong ({other.path} "
        f"is of identity {other.identity}, as {first.path} of identity {first.identity})"
    )


def copies_of_two_people(dataset: Dataset) -> list[tuple[Record, Record]]:
    """Pairs of images of one content and two identities, junk apart: the first of each content with each other."""
    people = [record for record in (*dataset.train, *dataset.query, *dataset.gallery) if record.identity != JUNK]
    return [
        (group[0], other) for group in copies_in(people) for other in group[1:] if other.identity != group[0].identity
    ]
