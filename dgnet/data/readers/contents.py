"""What lies in a folder of a data set: images, people, and what is passed over with the reason."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from dgnet.core.folder_names import is_leftover, is_split
from dgnet.core.images import is_image_name

# Files and folders that a reader passed over, each with the reason.
PassedOver = list[tuple[Path, str]]


def entries(folder: Path) -> list[Path]:
    """What is directly in `folder`, sorted, without what systems leave behind; nothing if there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(folder / name for name in os.listdir(folder) if not is_leftover(name))


def folders_in(folder: Path) -> list[Path]:
    """The folders directly in `folder`, sorted, linked ones too."""
    return [path for path in entries(folder) if path.is_dir()]


def images_in(folder: Path, passed_over: PassedOver) -> list[Path]:
    """The images directly in `folder`, sorted; whatever else is there goes to `passed_over`."""
    images = []
    for path in entries(folder):
        if path.is_dir():
            passed_over.append((path, "a folder where images are looked for"))
        elif not path.is_file():
            passed_over.append((path, "a link to nothing" if path.is_symlink() else "no regular file"))
        elif is_image_name(path.name):
            images.append(path)
        else:
            passed_over.append((path, f"no image by its ending {path.suffix!r}" if path.suffix else "has no ending"))
    return images


def people_in(folder: Path, passed_over: PassedOver) -> list[Path]:
    """The folders directly in `folder` that may be identities, sorted.

    Folders that bear the name of a split (`dgnet.core.folder_names.is_split`), and images that lie in no folder, go to
    `passed_over`.
    """
    people = []
    for path in entries(folder):
        if not path.is_dir():
            if is_image_name(path.name):
                passed_over.append((path, "not inside the folder of an identity"))
        elif is_split(path.name):
            passed_over.append((path, "bears the name of a split or of files beside one, not of an identity"))
        else:
            people.append(path)
    return people


def holds_images(folder: Path) -> bool:
    """Whether an image is directly in `folder`."""
    return any(is_image_name(path.name) and path.is_file() for path in entries(folder))


def unread_folders(root: Path, read: Collection[str], copies: Collection[str] = ()) -> PassedOver:
    """Folders of images directly in `root` that a layout does not read, such as Market-1501's 500,000 distractors.

    Args:
        read: the names of those that it reads.
        copies: the names of those with the same images again.
    """
    others = [path for path in folders_in(root) if path.name not in (*read, *copies)]
    reason = f"a folder of images, and only {', '.join(read)} are read here"
    return [(path, reason) for path in others if any(map(holds_images, (path, *folders_in(path))))]


def found_and_missing(root: Path, parts: Sequence[str]) -> tuple[list[str], list[str]]:
    """Which of these files and folders are in `root`, and which are not.

    One whose name differs in case alone is among the found ones as it is written, and missing as it should be.
    """
    names = {path.name for path in entries(root)}
    folded = {name.casefold(): name for name in sorted(names)}
    found = [folded[part.casefold()] for part in parts if part.casefold() in folded]
    return found, [part for part in parts if part not in names]
