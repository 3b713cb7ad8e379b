"""Whom an image shows, as far as names and folders tell, and whether two images show one person."""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from dgnet.core.errors import UserError
from dgnet.data.datasets import LAYOUTS
from dgnet.data.recognition import recognize
from dgnet.data.records import JUNK


@dataclass(frozen=True)
class PersonLabel:
    """A person, as one source of labels calls them: the names of files, folders, or a gallery of people in films."""

    source: str
    person: int | str


def same_person(first: PersonLabel | None, second: PersonLabel | None) -> bool | None:
    """Whether two labels are of one person; None without a label, and for labels of two sources.

    >>> same_person(PersonLabel("names", 7), PersonLabel("names", 9)), same_person(None, PersonLabel("names", 9))
    (False, None)
    """
    if first is None or second is None or first.source != second.source:
        return None
    return first.person == second.person


def label_of(file: Path, identity: int, folders: Collection[str]) -> PersonLabel | None:
    """The label of a file.

    Args:
        identity: what its name tells, `JUNK` where that is nothing.
        folders: the names of folders that hold one person each (`person_folders`).
    """
    if identity != JUNK:
        return PersonLabel("names", identity)
    folder = file.resolve().parent.name
    return PersonLabel("folders", folder) if folder in folders else None


def person_folders(images: Sequence[str]) -> set[str]:
    """The names of the folders of images, where these are a data set with a folder for each person; else none."""
    # Galleries may hold millions of images: their folders are resolved, not they.
    folders = {Path(folder).resolve() for folder in {os.path.dirname(image) for image in images}}
    above = {folder.parent for folder in folders}
    if len(folders) < 2 or len(above) > 1:
        return set()
    try:
        layout, root = recognize(above.pop(), LAYOUTS)
    except UserError:
        return set()
    of_people = layout == "folders" and root.resolve() in {folder.parent for folder in folders}
    return {folder.name for folder in folders} if of_people else set()
