"""Whom the crops of galleries show, and which gallery files are crops of: GALLERY/SOURCE/TRACK/FRAME.jpg."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from dgnet.core.errors import UserError
from dgnet.data.person_labels import PersonLabel, label_of
from dgnet.data.readers.names import market_name
from dgnet.data.records import JUNK, UNKNOWN_CAMERA
from dgnet.video.gallery import COLUMNS, TABLE, is_gallery, read_gallery


def gallery_of_crops(files: Sequence[Path]) -> Path | None:
    """The gallery that all files are crops of (GALLERY/SOURCE/TRACK/FRAME.jpg); None where there is none."""
    roots = {file.parents[2] if len(file.parents) > 2 else None for file in files}
    (root,) = roots if len(roots) == 1 else (None,)
    return root if root is not None and is_gallery(root) else None


def gallery_labels(files: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    """Identity and camera of those files that are crops of a gallery: GALLERY/SOURCE/TRACK/FRAME.jpg.

    `UserError` where the table of such a gallery is damaged.
    """
    sources = {file.parents[1] for file in files if len(file.parents) > 2}
    folders = {source.parent for source in sources}
    for source in sources:
        table = source.parent / TABLE
        if (source / "source.json").is_file() and table.is_file() and not is_gallery(source.parent):
            raise UserError(f"{table}: damaged, its first line must be {','.join(COLUMNS)} (in UTF-8)")
    galleries = [folder for folder in sorted(folders) if is_gallery(folder)]
    return {row.path: (row.identity, row.camera) for folder in galleries for row in read_gallery(folder)}


def known_labels(files: Sequence[Path]) -> list[tuple[int, int]]:
    """Identity and camera of each file, as its gallery tells them, or its name as Market-1501's do; else -1."""
    crops = gallery_labels(files)
    return [crops.get(file) or market_name(file.name) or (JUNK, UNKNOWN_CAMERA) for file in files]


def labels_of(files: Sequence[Path], identities: Sequence[int], folders: Collection[str]) -> list[PersonLabel | None]:
    """Whom images show: people of films as their gallery calls them, others as `dgnet.data.person_labels.label_of`.

    A gallery tells it as it is now: it may join tracks later than features were extracted.
    """
    crops = gallery_labels(files)
    return [
        PersonLabel(str(file.resolve().parents[2]), crops[file][0])
        if file in crops
        else label_of(file, identity, folders)
        for file, identity in zip(files, identities, strict=True)
    ]
