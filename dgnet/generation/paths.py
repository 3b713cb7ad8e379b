"""File names of a set's images, and the source images behind them."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path

from dgnet.core.content import content_hashes
from dgnet.core.errors import UserError
from dgnet.data.records import UNKNOWN_CAMERA, Dataset, Record

IMAGES = "images"
_LONGEST = 60  # characters of one source's name: a file name has room for 255 bytes, most file systems for no more


def sources(dataset: Dataset) -> tuple[Record, ...]:
    """All images of a data set, the training images first: pairs of a plan are positions here."""
    return (*dataset.train, *dataset.query, *dataset.gallery)


def source_paths(dataset: Dataset) -> list[str]:
    """Where each source is below the data set's folder, written with `/`."""
    return [_below(record.path, dataset.root) for record in sources(dataset)]


def fingerprint(dataset: Dataset) -> str:
    """SHA-256 over the path, identity, camera and size in bytes of every source: another data set has another one."""
    digest = hashlib.sha256()
    for record, path in zip(sources(dataset), source_paths(dataset), strict=True):
        line = f"{path}\t{record.identity}\t{record.camera}\t{record.path.stat().st_size}\n"
        digest.update(line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def content(dataset: Dataset) -> str:
    """SHA-256 over the bytes of every source, in order: a file that was replaced by one of its size has another one."""
    hashes = content_hashes([record.path for record in sources(dataset)])
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def find_sources(dataset: Dataset, names: Sequence[tuple[str, str]]) -> list[int]:
    """The positions of images that are named by their path below the data set's folder, or by their file name alone.

    Args:
        names: of each image where the user wrote it (file and line), and its name.

    Raises:
        UserError: no image of the data set is called so, or several are.
    """
    paths = source_paths(dataset)
    known: dict[str, list[int]] = {}
    for index, path in enumerate(paths):
        for key in {path, path.rsplit("/", 1)[-1]}:
            known.setdefault(key, []).append(index)
    indices = []
    for where, name in names:
        matches = known.get(_below(Path(name), dataset.root), [])
        if len(matches) != 1:
            problem = f"is the name of {len(matches)} images, give its path" if matches else "is no image"
            raise UserError(f"{where}: {name!r} {problem} of the data set {dataset.root}")
        indices.append(matches[0])
    return indices


def file_names(dataset: Dataset, pairs: Sequence[tuple[int, int]]) -> list[str]:
    """The path of each generated image in its set: `images/0002/0002_c3_APPEARANCE+STRUCTURE.png`, without the suffix.

    Every reader of ours finds the appearance's identity (folder, first number) and the structure's camera there.
    APPEARANCE and STRUCTURE are the names of the source files, shortened where they are long, with the folder where two
    are alike.
    """
    records, names = sources(dataset), _distinct(source_paths(dataset))
    files = []
    for a, s in pairs:
        identity, camera = records[a].identity, records[s].camera
        person = f"{identity:04d}" if identity >= 0 else str(identity)
        beginning = person if camera == UNKNOWN_CAMERA else f"{person}_c{camera}"
        files.append(f"{IMAGES}/{person}/{beginning}_{names[a]}+{names[s]}")
    return files


def _below(path: Path, root: Path) -> str:
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return path.as_posix()


def _distinct(paths: Sequence[str]) -> list[str]:
    """A short name for each path, the same for no two of them."""
    stems = [_plain(path.rsplit("/", 1)[-1].rsplit(".", 1)[0]) for path in paths]
    if len(set(stems)) == len(paths):
        return stems
    digits = [hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:10] for path in paths]
    return [f"{stem}.{digest}" for stem, digest in zip(stems, digits, strict=True)]


def _plain(stem: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "-", stem)[:_LONGEST]
