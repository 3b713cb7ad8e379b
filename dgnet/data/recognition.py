"""Which layout a folder has; where it has none, one sentence about what it nearly is."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from dgnet.core.errors import UserError
from dgnet.core.files import nearest_folder
from dgnet.data.readers.contents import entries, folders_in
from dgnet.data.records import Dataset

# Folders that are looked into for a data set deeper down, to name its place.
_DEEPEST, _MOST_FOLDERS = 3, 1000


@dataclass(frozen=True)
class Layout:
    """A way of storing a data set in a folder or file.

    Attributes:
        matches: whether a path has this layout.
        read: the data set at such a path.
        example: where its training images are, for error messages.
        nested: whether it is also looked for one folder down, as archives unpack. Layouts that are not are so general
            that they come after those.
        parts: which of the files and folders that tell the layout are in a folder, and which are not.
        require: raises the `UserError` that says what a folder lacks, where it nearly has this layout.
    """

    matches: Callable[[Path], bool]
    read: Callable[[Path], Dataset]
    example: str
    nested: bool = True
    parts: Callable[[Path], tuple[list[str], list[str]]] | None = None
    require: Callable[[Path], None] | None = None


def recognize(root: Path, layouts: Mapping[str, Layout]) -> tuple[str, Path]:
    """The name of the first of these layouts that a path has, and the folder: `root`, or the only one directly below.

    Raises:
        UserError: there is no such path, no such data set, or several.
    """
    if not root.exists():
        raise UserError(f"{root}: no such folder or .csv file; {nearest_folder(root)}")
    particular = {name: layout for name, layout in layouts.items() if layout.nested}
    general = {name: layout for name, layout in layouts.items() if not layout.nested}
    match = _match(root, particular) or _match_below(root, particular) or _match(root, general)
    if match is None:
        raise _unrecognized(root, layouts)
    return match


def _match(folder: Path, layouts: Mapping[str, Layout]) -> tuple[str, Path] | None:
    return next(((name, folder) for name, layout in layouts.items() if layout.matches(folder)), None)


def _match_below(root: Path, layouts: Mapping[str, Layout]) -> tuple[str, Path] | None:
    matches = [match for child in folders_in(root) if (match := _match(child, layouts))]
    if len(matches) > 1:
        names = ", ".join(str(folder) for _, folder in matches)
        raise UserError(f"{root}: holds several data sets, name one of {names}")
    return matches[0] if matches else None


def _unrecognized(root: Path, layouts: Mapping[str, Layout]) -> UserError:
    """What the folder, or one below it, nearly is; else what is there."""
    for layout in layouts.values():
        if layout.require is not None:
            layout.require(root)
    nearly: list[tuple[list[str], Path, str, list[str]]] = []
    for folder in _folders_down(root):
        for name, layout in layouts.items():
            if folder != root and layout.matches(folder) and (layout.nested or _has_parts(layout, folder)):
                return _elsewhere(root, folder, name)
            found, missing = layout.parts(folder) if layout.parts else ([], [])
            if found:
                nearly.append((found, folder, name, missing))
    if nearly:
        found, folder, _, _ = max(nearly, key=lambda near: len(near[0]))
        lacks = [
            f"missing {', '.join(missing)} of the layout {name}"
            for same, place, name, missing in nearly
            if (same, place) == (found, folder)
        ]
        return UserError(f"{folder}: found {', '.join(found)}, {' or '.join(lacks)}")
    particular = {name: layout for name, layout in layouts.items() if layout.nested}
    if above := _match(root.absolute().parent, particular):
        return _elsewhere(root, above[1], above[0])
    below = [match for child in folders_in(root) if (match := _match(child, layouts))]
    if len(below) == 1 and len(layouts[below[0][0]].read(below[0][1]).identities) > 1:
        return _elsewhere(root, below[0][1], below[0][0])
    examples = "; ".join(f"{name}: {layout.example}" for name, layout in layouts.items())
    return UserError(f"{root}: no data set here ({_summary(root)}); looked for {examples}")


def _elsewhere(root: Path, folder: Path, name: str) -> UserError:
    return UserError(f"{root}: no data set here; {folder} has the layout {name}, name that folder")


def _has_parts(layout: Layout, folder: Path) -> bool:
    return layout.parts is not None and bool(layout.parts(folder)[0])


def _folders_down(root: Path) -> Iterator[Path]:
    """`root` and the folders below it, the nearest first, down to a depth and up to a number."""
    level, count = [root], 0
    for _ in range(_DEEPEST + 1):
        for folder in level:
            yield folder
            count += 1
            if count == _MOST_FOLDERS:
                return
        level = [child for folder in level for child in folders_in(folder)]


def _summary(root: Path) -> str:
    if not root.is_dir():
        return "it is a file, and no .csv"
    names = [path.name for path in entries(root)]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f"it holds {', '.join(names[:3])}{more}" if names else "it is empty"
