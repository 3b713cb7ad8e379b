"""Whether two files of images show one person, as far as their names and folders tell."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from dgnet.core.errors import UserError
from dgnet.data.datasets import LAYOUTS
from dgnet.data.readers.names import market_name
from dgnet.data.recognition import recognize
from dgnet.data.records import JUNK


def same_person(identity: int, query: Path, image: Path, folders: set[Path]) -> bool | None:
    """Whether an image of this identity shows the query's person; None where one of them is not known.

    `folders`: those of the gallery that hold one person each, see `person_folders`.
    """
    known = market_name(query.name)
    if known is not None:
        return None if JUNK in (known[0], identity) else bool(known[0] == identity)
    if identity != JUNK or image.resolve().parent not in folders:
        return None
    person = query.resolve().parent.name
    return image.resolve().parent.name == person if person in {folder.name for folder in folders} else None


def same_sighted(query: Path, image: Path, identities: Mapping[Path, int]) -> bool | None:
    """Whether an image of a gallery of films shows the query's person; None for a query that is not of this gallery.

    `identities`: of the images of such galleries.
    """
    of_one = query in identities and query.resolve().parents[2] == image.resolve().parents[2]
    return identities[query] == identities[image] if of_one else None


def person_folders(images: Sequence[str]) -> set[Path]:
    """The folders of the images where they are a data set with a folder for each person; else none."""
    # Galleries may hold millions of images: their folders are resolved, not they.
    folders = {Path(folder).resolve() for folder in {os.path.dirname(image) for image in images}}
    above = {folder.parent for folder in folders}
    if len(folders) < 2 or len(above) > 1:
        return set()
    try:
        layout, root = recognize(above.pop(), LAYOUTS)
    except UserError:
        return set()
    return folders if layout == "folders" and root.resolve() in {folder.parent for folder in folders} else set()
